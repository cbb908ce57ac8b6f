import type { TreeHead } from '../checkpoint.ts'
import { Edge, type FullTile } from '../edge.ts'
import { HASH_BYTES } from '../merkle.ts'
import { splitHashes, TILE_WIDTH, type TileId, tilePath, tileWidth } from '../tile.ts'
import type { Finding } from './finding.ts'
import type { Progress } from './progress.ts'
import { type SeenHead, seenBy } from './seen.ts'

/** A stored hash that is not the one computed from the entries. */
export interface Difference {
  readonly path: string
  readonly level: number
  /** The first entry below that hash. */
  readonly entry: number
}

/** More do not tell more. */
const MAX_DIFFERENCES = 10_000

/**
 * Grows the tree from the entries and compares it with what the log published. Which side of a
 * difference is wrong shows only at the end, against the signed root.
 */
export class Tree {
  #edge = new Edge()
  readonly #head: TreeHead
  readonly #seen: ReadonlyMap<number, readonly SeenHead[]>
  readonly #differences: Difference[] = []
  readonly #findings: Finding[] = []

  constructor(head: TreeHead, seen: readonly SeenHead[]) {
    this.#head = head
    this.#seen = Map.groupBy(seen, ({ size }) => size)
    for (const larger of seen.filter((each) => each.size > head.size)) {
      const message = `the log has ${head.size} entries; ${larger.size} were seen before${seenBy(larger)}`
      this.#findings.push({ code: 'log_shrunk', message })
    }
  }

  get size(): number {
    return this.#edge.size
  }

  get rootHolds(): boolean {
    return this.#edge.size === this.#head.size && this.#edge.root().equals(this.#head.root)
  }

  /**
   * Adds the leaves of a bundle, of which `root` is the hash when they fill a tile. Gives the tiles
   * above level 0 that are full now.
   */
  grow(leaves: Buffer, root: Buffer): readonly FullTile[] {
    const first = this.#edge.size
    const count = leaves.length / HASH_BYTES
    const within = [...this.#seen.keys()].some((size) => size > first && size < first + count)
    const full =
      count === TILE_WIDTH && !within
        ? this.#edge.appendTile(root)
        : splitHashes(leaves).flatMap((leaf) => this.#append(leaf))
    this.#compareSeen()
    return full.filter(({ level }) => level > 0)
  }

  #append(leaf: Buffer): readonly FullTile[] {
    this.#compareSeen()
    return this.#edge.append(leaf)
  }

  #compareSeen(): void {
    const known = this.#seen.get(this.#edge.size)
    const other = known?.find(({ root }) => !root.equals(this.#edge.root()))
    if (other !== undefined) this.forked(other)
  }

  /** A head that was seen is of another history. */
  forked(head: SeenHead): void {
    const message = `the first ${head.size} entries are not those that were seen before${seenBy(head)}`
    this.#findings.push({ code: 'log_forked', message })
  }

  /** What has to be kept to go on later; the heads that were seen are given anew. */
  save(): Pick<Progress, 'size' | 'partial' | 'differences'> {
    const partial: string[] = []
    for (let level = 0; this.size >= TILE_WIDTH ** level; level += 1) {
      partial.push(this.#edge.partial(level).toString('base64'))
    }
    return { size: this.size, partial, differences: [...this.#differences] }
  }

  /** Throws `RangeError` for what no tree leaves behind. */
  restore({
    size,
    partial,
    differences,
  }: Pick<Progress, 'size' | 'partial' | 'differences'>): void {
    const levels = partial.map((text) => splitHashes(Buffer.from(text, 'base64')))
    this.#edge = Edge.restore(size, levels)
    this.#differences.push(...differences)
  }

  /** The tiles above level 0 that are not full at the end of the log, with their hashes. */
  partialTiles(): readonly (TileId & { readonly hashes: Buffer })[] {
    const tiles: (TileId & { readonly hashes: Buffer })[] = []
    for (let level = 1; this.size >= TILE_WIDTH ** level; level += 1) {
      const width = tileWidth(this.size, level)
      const index = Math.floor(this.size / TILE_WIDTH ** (level + 1))
      if (width > 0) tiles.push({ level, index, width, hashes: this.#edge.partial(level) })
    }
    return tiles
  }

  compare(id: TileId, computed: Uint8Array, stored: Uint8Array | undefined): void {
    const path = tilePath(id)
    if (stored === undefined) {
      this.#findings.push({ code: 'tile_missing', path, message: `${path} is missing` })
      return
    }
    if (stored.length !== computed.length) {
      const message = `${path} has ${stored.length} bytes, not ${computed.length}`
      this.#findings.push({ code: 'tile_altered', path, message })
      return
    }
    if (Buffer.compare(stored, computed) === 0) return
    for (let at = 0; at < id.width && this.#differences.length < MAX_DIFFERENCES; at += 1) {
      const place = [at * HASH_BYTES, (at + 1) * HASH_BYTES] as const
      if (Buffer.compare(stored.subarray(...place), computed.subarray(...place)) === 0) continue
      const entry = (id.index * TILE_WIDTH + at) * TILE_WIDTH ** id.level
      this.#differences.push({ path, level: id.level, entry })
    }
  }

  finish(): readonly Finding[] {
    return [...this.#findings, ...(this.rootHolds ? this.#wrongTiles() : this.#wrongEntries())]
  }

  /** The entries are those that were signed, so the tiles are not. */
  #wrongTiles(): Finding[] {
    return [...new Set(this.#differences.map(({ path }) => path))].map((path) => ({
      code: 'tile_altered',
      path,
      message: `${path} does not belong to the signed checkpoint`,
    }))
  }

  /** Tiles above level 0 only repeat what level 0 tells, unless that was changed as well. */
  #wrongEntries(): Finding[] {
    const leaves = this.#differences.filter(({ level }) => level === 0)
    if (leaves.length > 0) {
      return leaves.map(({ entry, path }) => ({
        code: 'entry_altered',
        index: entry,
        message: `entry ${entry} does not match its hash in ${path}`,
      }))
    }
    // Without all entries there is no root to compare.
    if (this.#edge.size < this.#head.size) return []
    const [first] = this.#differences
    const where =
      first === undefined
        ? ''
        : `; the difference begins in the ${TILE_WIDTH ** first.level} entries from ${first.entry} on`
    const message = `the entries do not add up to the signed checkpoint${where}`
    return [
      { code: 'root_mismatch', message, ...(first === undefined ? {} : { index: first.entry }) },
    ]
  }
}
