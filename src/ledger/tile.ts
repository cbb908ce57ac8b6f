import { CredctlError } from '../errors.ts'
import { completeRoot, HASH_BYTES, type Subtree } from './merkle.ts'

/** C2SP tlog-tiles: a tile is 8 levels of the tree, 256 hashes wide. */
export const TILE_BITS = 8
export const TILE_WIDTH = 2 ** TILE_BITS
export const MAX_TILE_LEVEL = 63

/** An entry's length is a 16-bit number in its bundle. */
export const MAX_ENTRY_BYTES = 65_535

export interface TileId {
  readonly level: number
  readonly index: number
  /** Hashes in it: 256, or fewer at the right edge of the tree. */
  readonly width: number
}

/** Same as a tile of level 0, but with the entries themselves. */
export type BundleId = Omit<TileId, 'level'>

/** Width of the partial tile at the right edge; 0 when there is none. */
export function tileWidth(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH
}

/** Every tile that a tree of `size` has, level by level, partial ones last in their level. */
export function* tilesOf(size: number): Generator<TileId> {
  for (let level = 0; size >= TILE_WIDTH ** level; level += 1) {
    const hashes = Math.floor(size / TILE_WIDTH ** level)
    for (const { index, width } of bundlesOf(hashes)) yield { level, index, width }
  }
}

/** The bundles of a log of `size`, from the one with this index on. */
export function* bundlesOf(size: number, from = 0): Generator<BundleId> {
  const full = Math.floor(size / TILE_WIDTH)
  for (let index = from; index < full; index += 1) yield { index, width: TILE_WIDTH }
  if (size % TILE_WIDTH !== 0) yield { index: full, width: size % TILE_WIDTH }
}

/** `tile/0/x001/234.p/12`: the path below the log's URL. */
export function tilePath({ level, index, width }: TileId): string {
  return `tile/${level}/${indexPath(index)}${partialSuffix(width)}`
}

export function bundlePath({ index, width }: BundleId): string {
  return `tile/entries/${indexPath(index)}${partialSuffix(width)}`
}

function indexPath(index: number): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
}

function partialSuffix(width: number): string {
  return width === TILE_WIDTH ? '' : `.p/${width}`
}

const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*)(\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** The tile a path names; undefined for every text that is not the one spelling of a tile. */
export function parseTilePath(
  path: string,
): ({ readonly kind: 'tile' } & TileId) | ({ readonly kind: 'bundle' } & BundleId) | undefined {
  const [, level = '', high = '', low = '', partial] = PATH.exec(path) ?? []
  if (low === '') return undefined
  const index = Number(high.replaceAll(/[x/]/g, '') + low)
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  if (!Number.isSafeInteger(index) || width > TILE_WIDTH) return undefined
  if (level === 'entries') {
    return bundlePath({ index, width }) === path ? { kind: 'bundle', index, width } : undefined
  }
  const id = { level: Number(level), index, width }
  if (id.level > MAX_TILE_LEVEL || tilePath(id) !== path) return undefined
  return { kind: 'tile', ...id }
}

/** The tile that holds a complete subtree of a tree of `size`, and where in it. */
export function tileHolding(
  { level, index }: Subtree,
  size: number,
): { readonly tile: TileId; readonly first: number; readonly count: number } {
  const tileLevel = Math.floor(level / TILE_BITS)
  const count = 2 ** (level % TILE_BITS)
  const start = index * count
  const tileIndex = Math.floor(start / TILE_WIDTH)
  const width = Math.min(
    TILE_WIDTH,
    Math.floor(size / TILE_WIDTH ** tileLevel) - tileIndex * TILE_WIDTH,
  )
  return { tile: { level: tileLevel, index: tileIndex, width }, first: start % TILE_WIDTH, count }
}

/** The hash of a complete subtree from the tile that holds it. */
export function subtreeHash(tile: Uint8Array, first: number, count: number): Buffer {
  return completeRoot(splitHashes(tile.subarray(first * HASH_BYTES, (first + count) * HASH_BYTES)))
}

export function splitHashes(tile: Uint8Array): Buffer[] {
  const bytes = Buffer.from(tile.buffer, tile.byteOffset, tile.byteLength)
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  )
}

/** `repeat(uint16 length, entry)`, big-endian. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts = entries.flatMap((entry) => {
    if (entry.length > MAX_ENTRY_BYTES) throw new RangeError('entry is larger than 65,535 bytes')
    const length = Buffer.alloc(2)
    length.writeUInt16BE(entry.length)
    return [length, entry]
  })
  return Buffer.concat(parts)
}

/** The entries of a bundle, as views. Throws `log_invalid` unless it holds exactly `width`. */
export function decodeBundle(bundle: Uint8Array, { index, width }: BundleId): Buffer[] {
  const bytes = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.byteLength)
  const entries: Buffer[] = []
  let at = 0
  while (at + 2 <= bytes.length) {
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) break
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  if (at === bytes.length && entries.length === width) return entries
  const found = at === bytes.length ? `${entries.length} entries` : 'a cut entry'
  throw new CredctlError('log_invalid', `entry bundle ${index} has ${found}, not ${width} entries`)
}
