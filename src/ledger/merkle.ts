import { hash } from 'node:crypto'

export const HASH_BYTES = 32

/** Root of the empty tree: SHA-256 of nothing (RFC 6962 section 2.1). */
export const EMPTY_ROOT = hash('sha256', '', 'buffer')

/**
 * By way of a string of bytes: a hash asked for as a buffer comes in an allocation of its own, which
 * takes longer than hashing a node.
 */
function sha256(bytes: Uint8Array): Buffer {
  const digest = Buffer.allocUnsafe(HASH_BYTES)
  digest.write(hash('sha256', bytes, 'binary'), 'binary')
  return digest
}

/** RFC 6962 section 2.1: leaves and nodes are hashed apart, so that neither passes as the other. */
export function leafHash(entry: Uint8Array): Buffer {
  const prefixed = Buffer.allocUnsafe(entry.length + 1)
  prefixed[0] = 0
  prefixed.set(entry, 1)
  return sha256(prefixed)
}

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1)

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1)
  pair.set(right, 1 + HASH_BYTES)
  return sha256(pair)
}

/** A complete subtree: the leaves from `index * 2^level`, `2^level` of them. */
export interface Subtree {
  readonly level: number
  readonly index: number
}

/** Leaves from `start` up to, not including, `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/**
 * The complete subtrees that make up a range as the tree has it, left to right. `start` must be a
 * multiple of the size of the first, which holds for every range of a proof.
 */
export function subtreesOf({ start, end }: Range): Subtree[] {
  const subtrees: Subtree[] = []
  for (let from = start; from < end; ) {
    const level = floorLog2(end - from)
    subtrees.push({ level, index: from / 2 ** level })
    from += 2 ** level
  }
  return subtrees
}

/** The hash of a range from the hashes of `subtreesOf` it; that of the empty tree from none. */
export function foldSubtrees(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 0) return EMPTY_ROOT
  return hashes.reduceRight((right, left) => nodeHash(left, right))
}

/** The hash of a complete subtree from its leaves, or from all its nodes at one level. */
export function completeRoot(hashes: readonly Buffer[]): Buffer {
  let level = hashes
  while (level.length > 1) {
    const above: Buffer[] = []
    for (let at = 1; at < level.length; at += 2) {
      above.push(nodeHash(level[at - 1] as Buffer, level[at] as Buffer))
    }
    level = above
  }
  return level[0] ?? EMPTY_ROOT
}

/** PATH(index, D[size]): the ranges whose hashes prove inclusion, the leaf's sibling first. */
export function inclusionRanges(index: number, size: number): Range[] {
  const ranges: Range[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + splitPoint(end - start)
    ranges.push(index < middle ? { start: middle, end } : { start, end: middle })
    if (index < middle) end = middle
    else start = middle
  }
  return ranges.reverse()
}

/** PROOF(first, D[second]): the ranges whose hashes prove that the first tree begins the second. */
export function consistencyRanges(first: number, second: number): Range[] {
  const ranges: Range[] = []
  let start = 0
  let end = second
  while (end !== first) {
    const middle = start + splitPoint(end - start)
    ranges.push(first <= middle ? { start: middle, end } : { start, end: middle })
    if (first <= middle) end = middle
    else start = middle
  }
  // The first tree itself is known to whoever checks, unless only a part of it is left.
  if (start !== 0) ranges.push({ start, end })
  return ranges.reverse()
}

/** RFC 9162 section 2.1.3.2. False for anything that is not exactly the proof. */
export function verifyInclusion(claim: {
  readonly leaf: Uint8Array
  readonly index: number
  readonly size: number
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}): boolean {
  if (!isCount(claim.index) || !isCount(claim.size) || claim.index >= claim.size) return false
  let position = new Position(claim.index, claim.size - 1)
  let hash: Buffer = Buffer.from(claim.leaf)
  for (const sibling of claim.proof) {
    if (sibling.length !== HASH_BYTES || position.isRoot) return false
    hash = position.isRight ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
    position = position.up()
  }
  return position.isRoot && hash.equals(claim.root)
}

/** RFC 9162 section 2.1.4.2: the tree of `first` leaves is the beginning of that of `second`. */
export function verifyConsistency(claim: {
  readonly first: number
  readonly second: number
  readonly firstRoot: Uint8Array
  readonly secondRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}): boolean {
  const { first, second, firstRoot, secondRoot, proof } = claim
  if (!isCount(first) || !isCount(second) || first > second) return false
  if (first === second) return proof.length === 0 && Buffer.compare(firstRoot, secondRoot) === 0
  if (first === 0 || proof.length === 0) return false
  const [seed, ...rest] = isPowerOfTwo(first) ? [firstRoot, ...proof] : proof
  if (seed?.length !== HASH_BYTES) return false
  let position = new Position(first - 1, second - 1).skipRight()
  let older: Buffer = Buffer.from(seed)
  let newer = older
  for (const sibling of rest) {
    if (sibling.length !== HASH_BYTES || position.isRoot) return false
    if (position.isRight) older = nodeHash(sibling, older)
    newer = position.isRight ? nodeHash(sibling, newer) : nodeHash(newer, sibling)
    position = position.up()
  }
  return position.isRoot && older.equals(firstRoot) && newer.equals(secondRoot)
}

/**
 * Where a proof has got to: `fn` and `sn` of RFC 9162. BigInt, because shifting a number breaks
 * above 2^31.
 */
class Position {
  readonly #node: bigint
  readonly #last: bigint

  constructor(node: number | bigint, last: number | bigint) {
    this.#node = BigInt(node)
    this.#last = BigInt(last)
  }

  get isRoot(): boolean {
    return this.#last === 0n
  }

  /** The next sibling stands to the left. */
  get isRight(): boolean {
    return (this.#node & 1n) === 1n || this.#node === this.#last
  }

  up(): Position {
    let node = this.#node
    let last = this.#last
    if (this.isRight) {
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n
        last >>= 1n
      }
    }
    return new Position(node >> 1n, last >> 1n)
  }

  skipRight(): Position {
    let node = this.#node
    let last = this.#last
    while ((node & 1n) === 1n) {
      node >>= 1n
      last >>= 1n
    }
    return new Position(node, last)
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function isPowerOfTwo(value: number): boolean {
  const bits = BigInt(value)
  return (bits & (bits - 1n)) === 0n
}

/** The largest power of two below `size`, for sizes from 2. */
function splitPoint(size: number): number {
  return 2 ** floorLog2(size - 1)
}

/** Exact up to 2^53, which `Math.log2` is not. */
export function floorLog2(value: number): number {
  const high = Math.floor(value / 2 ** 32)
  return high === 0 ? 31 - Math.clz32(value) : 63 - Math.clz32(high)
}
