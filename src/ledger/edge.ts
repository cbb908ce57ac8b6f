import { completeRoot, foldSubtrees, nodeHash, type Subtree, subtreesOf } from './merkle.ts'
import { TILE_BITS, TILE_WIDTH, tileWidth } from './tile.ts'

/** A tile of 256 hashes that will never change, with the hash that stands for it one level up. */
export interface FullTile {
  readonly level: number
  readonly index: number
  readonly hashes: Buffer
  readonly root: Buffer
}

/**
 * The right edge of a growing tree: all that is needed to append leaves, to know the root and to
 * complete tiles. A copy is cheap, so that a batch that fails leaves no trace.
 */
export class Edge {
  #size = 0
  /** Roots of the complete subtrees that make up the tree, largest first. */
  #peaks: Buffer[] = []
  /** Per tile level, the hashes of the tile that is not full yet. */
  #partial: Buffer[][] = []

  /**
   * Rebuilds an edge from stored hashes: `partial[level]` are the hashes of the tile at that level
   * that is not full yet. Throws `RangeError` when they are not as many as a tree of `size` has.
   */
  static restore(size: number, partial: readonly (readonly Buffer[])[]): Edge {
    const edge = new Edge()
    edge.#size = size
    edge.#partial = partial.map((hashes) => [...hashes])
    for (const [level, hashes] of edge.#partial.entries()) {
      const expected = tileWidth(size, level)
      if (hashes.length === expected) continue
      throw new RangeError(`tile level ${level} has ${hashes.length} hashes, not ${expected}`)
    }
    if (size >= TILE_WIDTH ** partial.length) throw new RangeError('tile levels are missing')
    edge.#peaks = subtreesOf({ start: 0, end: size }).map((subtree) => edge.#peak(subtree))
    return edge
  }

  get size(): number {
    return this.#size
  }

  root(): Buffer {
    return foldSubtrees(this.#peaks)
  }

  /** Hashes of the tile at this level that is not full yet. */
  partial(level: number): Buffer {
    return Buffer.concat(this.#partial[level] ?? [])
  }

  copy(): Edge {
    const copy = new Edge()
    copy.#size = this.#size
    copy.#peaks = [...this.#peaks]
    copy.#partial = this.#partial.map((hashes) => [...hashes])
    return copy
  }

  /** Adds a leaf by its hash. Gives the tiles that are full now, lowest level first. */
  append(leaf: Buffer): FullTile[] {
    const index = this.#size
    this.#size += 1
    this.#add(0, leaf)
    return this.#carry(leaf, 0, index)
  }

  /**
   * Adds 256 leaves by the root over them, for whoever has their tile already. Gives the tiles
   * above it that are full now. Only at a border of tiles.
   */
  appendTile(root: Buffer): FullTile[] {
    if (this.#size % TILE_WIDTH !== 0) throw new RangeError('a tile is begun already')
    const index = this.#size / TILE_WIDTH
    this.#size += TILE_WIDTH
    this.#partial[0] ??= []
    this.#add(1, root)
    return this.#carry(root, TILE_BITS, index)
  }

  /** Puts a complete subtree beside the peaks, merging those of its own size. */
  #carry(subtree: Buffer, from: number, at: number): FullTile[] {
    const full: FullTile[] = []
    let node = subtree
    let index = at
    for (let level = from + 1; index % 2 === 1; level += 1) {
      node = nodeHash(this.#peaks.pop() ?? node, node)
      index = (index - 1) / 2
      if (level % TILE_BITS === 0) full.push(this.#complete(level / TILE_BITS - 1, index, node))
    }
    this.#peaks.push(node)
    return full
  }

  #add(level: number, hash: Buffer): void {
    const hashes = this.#partial[level] ?? []
    this.#partial[level] = hashes
    hashes.push(hash)
  }

  #complete(level: number, index: number, root: Buffer): FullTile {
    const hashes = Buffer.concat(this.#partial[level] ?? [])
    this.#partial[level] = []
    this.#add(level + 1, root)
    return { level, index, hashes, root }
  }

  #peak({ level, index }: Subtree): Buffer {
    const tileLevel = Math.floor(level / TILE_BITS)
    const width = 2 ** (level % TILE_BITS)
    const first = (index * width) % TILE_WIDTH
    return completeRoot((this.#partial[tileLevel] ?? []).slice(first, first + width))
  }
}
