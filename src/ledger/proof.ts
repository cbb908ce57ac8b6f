import { CredctlError } from '../errors.ts'
import {
  consistencyRanges,
  foldSubtrees,
  inclusionRanges,
  type Range,
  type Subtree,
  subtreesOf,
} from './merkle.ts'
import { subtreeHash, type TileId, tileHolding, tilePath } from './tile.ts'

/** Gives tiles of the tree that a proof is made in; each is asked for once a proof. */
export type TileSource = (tile: TileId) => Promise<Uint8Array | undefined>

/** The hashes that prove an entry to be in the tree of `size`, the leaf's sibling first. */
export async function proveInclusion(
  index: number,
  size: number,
  source: TileSource,
): Promise<Buffer[]> {
  return await hashesOf(inclusionRanges(index, size), size, source)
}

/** The hashes that prove the tree of `first` entries to be the beginning of that of `second`. */
export async function proveConsistency(
  first: number,
  second: number,
  source: TileSource,
): Promise<Buffer[]> {
  return await hashesOf(consistencyRanges(first, second), second, source)
}

async function hashesOf(
  ranges: readonly Range[],
  size: number,
  source: TileSource,
): Promise<Buffer[]> {
  const subtrees = ranges.map(subtreesOf)
  const tiles = await fetchTiles(subtrees.flat(), size, source)
  return subtrees.map((each) =>
    foldSubtrees(
      each.map((subtree) => {
        const { tile, first, count } = tileHolding(subtree, size)
        return subtreeHash(tiles.get(tilePath(tile)) ?? Buffer.alloc(0), first, count)
      }),
    ),
  )
}

async function fetchTiles(
  subtrees: readonly Subtree[],
  size: number,
  source: TileSource,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const wanted = new Map(
    subtrees.map((subtree) => {
      const { tile } = tileHolding(subtree, size)
      return [tilePath(tile), tile]
    }),
  )
  const fetched = [...wanted].map(async ([path, tile]): Promise<[string, Uint8Array]> => {
    const hashes = await source(tile)
    if (hashes?.length === tile.width * 32) return [path, hashes]
    throw new CredctlError('log_invalid', `${path} is missing or has the wrong length`)
  })
  return new Map(await Promise.all(fetched))
}
