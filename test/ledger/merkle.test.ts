import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Edge } from '../../src/ledger/edge.ts'
import {
  completeRoot,
  consistencyRanges,
  EMPTY_ROOT,
  floorLog2,
  foldSubtrees,
  inclusionRanges,
  leafHash,
  nodeHash,
  type Range,
  subtreesOf,
  verifyConsistency,
  verifyInclusion,
} from '../../src/ledger/merkle.ts'
import * as reference from './reference-tree.ts'

const SIZE = 300
const leaves = Array.from({ length: SIZE }, (_, index) => leafHash(Buffer.from(`entry ${index}`)))
const roots = Array.from({ length: SIZE + 1 }, (_, size) => reference.root(leaves.slice(0, size)))

/** Proofs as the ledger makes them: ranges, each folded from complete subtrees. */
function hashesOf(ranges: readonly Range[], from = leaves, known = new Map<string, Buffer>()) {
  return ranges.map((range) =>
    foldSubtrees(
      subtreesOf(range).map(({ level, index }) => {
        const key = `${level} ${index}`
        const hash =
          known.get(key) ?? completeRoot(from.slice(index * 2 ** level, (index + 1) * 2 ** level))
        known.set(key, hash)
        return hash
      }),
    ),
  )
}

/** Of `leaves` alone: complete subtrees are the same in a tree of any size. */
const subtrees = new Map<string, Buffer>()
const inclusion = (index: number, size: number) =>
  hashesOf(inclusionRanges(index, size), leaves, subtrees)
const consistency = (first: number, second: number) =>
  hashesOf(consistencyRanges(first, second), leaves, subtrees)

describe('the tree', () => {
  const ctLeaves = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ].map((hex) => leafHash(Buffer.from(hex, 'hex')))

  it.each([
    [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
    [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
    [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
    [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
  ])(
    'of the first %i reference entries of certificate transparency has its known root',
    (size, hex) => {
      const edge = new Edge()
      for (const leaf of ctLeaves.slice(0, size)) edge.append(leaf)
      expect(edge.root().toString('hex')).toBe(hex)
    },
  )

  it('hashes leaves, nodes and proofs as the published vectors do', () => {
    const [one, two, three] = ['one', 'two', 'three'].map((text) => leafHash(Buffer.from(text)))
    expect(one?.toString('hex')).toBe(
      'd0d7360ab79f58ab1e1e3fe64ad77e2ea0bc07e36b5f46ed2223edd9298df9e9',
    )
    expect(two?.toString('hex')).toBe(
      'ab1ab7f07c7c8fe0eff4ba6faa53c7e4412e91a599153e8aa4e01beece5b7825',
    )
    const three_ = [one, two, three] as Buffer[]
    const proof = hashesOf(inclusionRanges(1, 3), three_).map((hash) => hash.toString('base64'))
    expect(proof).toEqual([
      '0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=',
      'Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q=',
    ])
    const older = hashesOf(consistencyRanges(2, 3), three_).map((hash) => hash.toString('base64'))
    expect(older).toEqual(['Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q='])
  })

  it('has the root of RFC 6962 at every size up to 300', () => {
    const edge = new Edge()
    expect(edge.root()).toEqual(EMPTY_ROOT)
    for (const [index, leaf] of leaves.entries()) {
      edge.append(leaf)
      expect(edge.root(), `size ${index + 1}`).toEqual(roots[index + 1])
    }
  })
})

describe('inclusion proofs', () => {
  it('are those of RFC 6962 and verify, for every entry of every size up to 300', () => {
    for (let size = 1; size <= SIZE; size += 1) {
      const root = roots[size] as Buffer
      for (let index = 0; index < size; index += size > 70 ? 7 : 1) {
        const proof = inclusion(index, size)
        const leaf = leaves[index] as Buffer
        expect(verifyInclusion({ leaf, index, size, root, proof })).toBe(true)
        if (size <= 70) expect(proof).toEqual(reference.path(index, leaves.slice(0, size)))
      }
    }
  })

  it('fail after any change', () => {
    const sizes = fc.integer({ min: 1, max: SIZE })
    const cases = sizes.chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1), fc.nat()))
    fc.assert(
      fc.property(cases, ([size, index, seed]) => {
        const leaf = leaves[index] as Buffer
        const claim = {
          leaf,
          index,
          size,
          root: roots[size] as Buffer,
          proof: inclusion(index, size),
        }
        for (const wrong of mutations(claim, seed)) expect(verifyInclusion(wrong)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it('hold at sizes above 2^32 and 2^50, where bit arithmetic on numbers breaks', () => {
    for (const size of [2 ** 32 + 3, 2 ** 50 + 12_345, Number.MAX_SAFE_INTEGER]) {
      for (const index of [0, 1, 2 ** 31, 2 ** 32 + 1, size - 1]) {
        const proof = inclusionRanges(index, size).map((range) =>
          leafHash(Buffer.from(JSON.stringify(range))),
        )
        const leaf = leafHash(Buffer.from('the leaf'))
        const root = rootByRanges(leaf, index, inclusionRanges(index, size), proof)
        expect(verifyInclusion({ leaf, index, size, root, proof })).toBe(true)
        expect(verifyInclusion({ leaf, index: neighbour(index), size, root, proof })).toBe(false)
        expect(verifyInclusion({ leaf, index, size, root, proof: proof.slice(1) })).toBe(false)
      }
    }
  })

  it.each([
    ['a negative index', -1, 3],
    ['an index outside the tree', 3, 3],
    ['half an index', 0.5, 3],
    ['a size above 2^53', 1, 2 ** 53],
    ['no size', 0, Number.NaN],
  ])('are refused for %s', (_, index, size) => {
    const leaf = leaves[0] as Buffer
    expect(verifyInclusion({ leaf, index, size, root: leaf, proof: [] })).toBe(false)
  })
})

describe('consistency proofs', () => {
  it('are those of RFC 6962 and verify, for every pair of sizes up to 300', () => {
    for (let second = 1; second <= SIZE; second += 1) {
      for (let first = 1; first <= second; first += second > 70 ? 7 : 1) {
        const proof = consistency(first, second)
        const [firstRoot, secondRoot] = [roots[first] as Buffer, roots[second] as Buffer]
        const claim = { first, second, firstRoot, secondRoot, proof }
        expect(verifyConsistency(claim), `${first} to ${second}`).toBe(true)
        if (second <= 70) {
          expect(proof).toEqual(reference.consistency(first, leaves.slice(0, second)))
        }
      }
    }
  })

  it('fail after any change', () => {
    const sizes = fc.integer({ min: 2, max: SIZE })
    const cases = sizes.chain((second) =>
      fc.tuple(fc.constant(second), fc.integer({ min: 1, max: second - 1 }), fc.nat()),
    )
    fc.assert(
      fc.property(cases, ([second, first, seed]) => {
        const firstRoot = roots[first] as Buffer
        const secondRoot = roots[second] as Buffer
        const claim = { first, second, firstRoot, secondRoot, proof: consistency(first, second) }
        for (const proof of mutatedProofs(claim.proof, seed)) {
          expect(verifyConsistency({ ...claim, proof })).toBe(false)
        }
        expect(verifyConsistency({ ...claim, firstRoot: flip(firstRoot, seed) })).toBe(false)
        expect(verifyConsistency({ ...claim, secondRoot: flip(secondRoot, seed) })).toBe(false)
        expect(verifyConsistency({ ...claim, first: second, second: first })).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it('of a tree with itself are empty and need equal roots', () => {
    const [root, other] = [roots[9] as Buffer, roots[8] as Buffer]
    const claim = { first: 9, second: 9, firstRoot: root, secondRoot: root, proof: [] }
    expect(verifyConsistency(claim)).toBe(true)
    expect(verifyConsistency({ ...claim, secondRoot: other })).toBe(false)
    expect(verifyConsistency({ ...claim, proof: [root] })).toBe(false)
  })

  it('from the empty tree prove nothing and are refused', () => {
    const claim = { first: 0, second: 3, firstRoot: EMPTY_ROOT, secondRoot: roots[3] as Buffer }
    expect(verifyConsistency({ ...claim, proof: [] })).toBe(false)
    expect(verifyConsistency({ ...claim, proof: [roots[3] as Buffer] })).toBe(false)
  })

  it('tell powers of two from their neighbours near 2^49', () => {
    for (const first of [2 ** 49 - 1, 2 ** 49, 2 ** 49 + 1]) {
      const second = 2 ** 49 + 9
      const ranges = consistencyRanges(first, second)
      const proof = ranges.map((range) => leafHash(Buffer.from(JSON.stringify(range))))
      const [older, newer] = rootsByRanges(first, second, ranges, proof)
      const claim = { first, second, firstRoot: older, secondRoot: newer, proof }
      expect(verifyConsistency(claim), `from ${first}`).toBe(true)
      expect(verifyConsistency({ ...claim, first: first + 1 })).toBe(false)
    }
  })
})

describe('the edge', () => {
  it('is the same after it was restored, at every size up to 300 and around 65,536', () => {
    const edge = new Edge()
    const levels: Buffer[][] = [[], [], [], []]
    for (let size = 1; size <= 66_000; size += 1) {
      const leaf = leaves[size % SIZE] as Buffer
      levels[0]?.push(leaf)
      for (const full of edge.append(leaf)) {
        expect(full.hashes.equals(Buffer.concat(levels[full.level] ?? []))).toBe(true)
        levels[full.level] = []
        levels[full.level + 1]?.push(full.root)
      }
      if (size > 300 && size < 65_530) continue
      const restored = Edge.restore(size, levels)
      expect(restored.root().equals(edge.root()), `size ${size}`).toBe(true)
    }
  })

  it('is the same whether it grows by leaves or by whole tiles', () => {
    const byLeaf = new Edge()
    const byTile = new Edge()
    const fullByLeaf: object[] = []
    const fullByTile: object[] = []
    const tile = leaves.slice(0, 256)
    for (let number = 0; number < 300; number += 1) {
      for (const leaf of tile) fullByLeaf.push(...byLeaf.append(leaf))
      fullByTile.push(...byTile.appendTile(completeRoot(tile)))
      expect(byTile.root().equals(byLeaf.root()), `tile ${number}`).toBe(true)
    }
    expect(fullByTile).toEqual(fullByLeaf.filter((full) => 'level' in full && full.level !== 0))
    byLeaf.append(leaves[0] as Buffer)
    byTile.append(leaves[0] as Buffer)
    expect(byTile.root()).toEqual(byLeaf.root())
    expect(() => byTile.appendTile(roots[256] as Buffer)).toThrow(RangeError)
  })

  it('leaves the original alone when a copy grows', () => {
    const edge = new Edge()
    edge.append(leaves[0] as Buffer)
    const before = edge.root()
    const copy = edge.copy()
    for (const leaf of leaves) copy.append(leaf)
    expect(edge.root()).toEqual(before)
    expect(edge.size).toBe(1)
  })

  it('cannot be restored from too few or too many hashes', () => {
    expect(() => Edge.restore(3, [leaves.slice(0, 2)])).toThrow(/has 2 hashes, not 3/)
    expect(() => Edge.restore(256, [[]])).toThrow(/levels are missing/)
  })

  it('counts in powers of two exactly', () => {
    for (let bit = 0; bit < 53; bit += 1) {
      expect(floorLog2(2 ** bit)).toBe(bit)
      if (bit > 0) expect(floorLog2(2 ** bit - 1)).toBe(bit - 1)
    }
  })
})

function neighbour(index: number): number {
  return index % 2 === 0 ? index + 1 : index - 1
}

function flip(bytes: Buffer, seed: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = seed % copy.length
  copy[at] = (copy[at] ?? 0) ^ (1 << (seed % 8))
  return copy
}

function mutatedProofs(proof: readonly Buffer[], seed: number): Buffer[][] {
  const at = proof.length === 0 ? 0 : seed % proof.length
  const other = leafHash(Buffer.from(`other ${seed}`))
  const changed = [
    proof.slice(1),
    proof.slice(0, -1),
    [...proof, other],
    [other, ...proof],
    proof.toSpliced(at, 1, flip(proof[at] ?? other, seed)),
    proof.toSpliced(at, 1, Buffer.alloc(31)),
    [...proof].reverse(),
  ]
  return changed.filter(
    (each) => each.length !== proof.length || each.some((hash, i) => !hash.equals(proof[i]!)),
  )
}

function mutations(claim: Parameters<typeof verifyInclusion>[0], seed: number) {
  const { leaf, index, size, root, proof } = claim
  const indexes = [index - 1, index + 1, index ^ 2].filter(
    (other) => other >= 0 && other < size && other !== index,
  )
  return [
    { ...claim, leaf: flip(leaf as Buffer, seed) },
    { ...claim, root: flip(root as Buffer, seed) },
    { ...claim, size: index },
    ...indexes.map((other) => ({ ...claim, index: other })),
    ...mutatedProofs(proof as Buffer[], seed).map((proof) => ({ ...claim, proof })),
  ]
}

/** The root that a made-up proof leads to, told by the side each range stands on. */
function rootByRanges(
  leaf: Buffer,
  index: number,
  ranges: readonly Range[],
  proof: readonly Buffer[],
): Buffer {
  return ranges.reduce(
    (hash, { end }, at) => (end <= index ? nodeHash(proof[at]!, hash) : nodeHash(hash, proof[at]!)),
    leaf,
  )
}

function rootsByRanges(
  first: number,
  second: number,
  ranges: readonly Range[],
  proof: readonly Buffer[],
): [Buffer, Buffer] {
  const known = new Map(ranges.map(({ start, end }, at) => [`${start}-${end}`, proof[at]!]))
  const whole = leafHash(Buffer.from('first root'))
  const hashOf = (start: number, end: number): Buffer => {
    const found = known.get(`${start}-${end}`)
    if (found !== undefined) return found
    if (start === 0 && end === first && known.size > 0 && isKnownRoot(first, known)) return whole
    const middle = start + 2 ** floorLog2(end - start - 1)
    return nodeHash(hashOf(start, middle), hashOf(middle, end))
  }
  return [hashOf(0, first), hashOf(0, second)]
}

/** Only for a power of two is the first root itself no part of the proof. */
function isKnownRoot(first: number, known: ReadonlyMap<string, Buffer>): boolean {
  return !known.has(`0-${first}`) && 2 ** floorLog2(first) === first
}
