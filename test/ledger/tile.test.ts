import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Edge } from '../../src/ledger/edge.ts'
import { leafHash, subtreesOf } from '../../src/ledger/merkle.ts'
import {
  bundlePath,
  decodeBundle,
  encodeBundle,
  parseTilePath,
  splitHashes,
  subtreeHash,
  tileHolding,
  tilePath,
  tilesOf,
  tileWidth,
} from '../../src/ledger/tile.ts'
import * as reference from './reference-tree.ts'

describe('tile paths', () => {
  it.each([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 1, index: 999, width: 1 }, 'tile/1/999.p/1'],
    [{ level: 0, index: 1000, width: 256 }, 'tile/0/x001/000'],
    [{ level: 63, index: 1_234_067, width: 255 }, 'tile/63/x001/x234/067.p/255'],
  ])('of %o is %s, both ways', (id, path) => {
    expect(tilePath(id)).toBe(path)
    expect(parseTilePath(path)).toEqual({ kind: 'tile', ...id })
  })

  it('of a bundle has entries for its level', () => {
    expect(bundlePath({ index: 0, width: 3 })).toBe('tile/entries/000.p/3')
    expect(parseTilePath('tile/entries/x001/000')).toEqual({
      kind: 'bundle',
      index: 1000,
      width: 256,
    })
  })

  it.each([
    'tile/0/0',
    'tile/0/00',
    'tile/0/0000',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/x000/001',
    'tile/0/1000',
    'tile/0/x001/',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/257',
    'tile/0/000.p/',
    'tile/0/000.p',
    'tile/0/../000',
    '/tile/0/000',
    'tile/0/000/',
    'tile/0/000\n',
    'tile/8/0/000',
    'tile/data/000',
    `tile/0/${'x999/'.repeat(6)}999`,
  ])('%j names no tile', (path) => {
    expect(parseTilePath(path)).toBeUndefined()
  })

  it('come back from every id', () => {
    const ids = fc.record({
      level: fc.integer({ min: 0, max: 63 }),
      index: fc.nat(2 ** 31),
      width: fc.integer({ min: 1, max: 256 }),
    })
    fc.assert(
      fc.property(ids, (id) => {
        expect(parseTilePath(tilePath(id))).toEqual({ kind: 'tile', ...id })
      }),
    )
  })
})

describe('the tiles of a tree', () => {
  it('are those of the specification at 256 and at 70,000 entries', () => {
    expect([...tilesOf(256)]).toEqual([
      { level: 0, index: 0, width: 256 },
      { level: 1, index: 0, width: 1 },
    ])
    const tiles = [...tilesOf(70_000)]
    expect(tiles.filter(({ level, width }) => level === 0 && width === 256)).toHaveLength(273)
    expect([0, 1, 2].map((level) => tileWidth(70_000, level))).toEqual([112, 17, 1])
    expect(tiles).toContainEqual({ level: 0, index: 273, width: 112 })
    expect(tiles).toContainEqual({ level: 1, index: 1, width: 17 })
    expect(tiles).toContainEqual({ level: 2, index: 0, width: 1 })
    expect(tiles).toHaveLength(273 + 1 + 1 + 1 + 1)
  })

  it('hold every complete subtree of a tree of 1,000 leaves', () => {
    const size = 1000
    const leaves = Array.from({ length: size }, (_, index) => leafHash(Buffer.from(`${index}`)))
    const edge = new Edge()
    const full = leaves.flatMap((leaf) => edge.append(leaf))
    const tiles = new Map(full.map((tile) => [tilePath({ ...tile, width: 256 }), tile.hashes]))
    tiles.set('tile/0/003.p/232', Buffer.concat(leaves.slice(768)))
    tiles.set('tile/1/000.p/3', Buffer.concat(full.map(({ root }) => root)))
    for (let start = 0; start < size; start += 1) {
      for (let level = 0; start % 2 ** level === 0 && start + 2 ** level <= size; level += 1) {
        const [subtree] = subtreesOf({ start, end: start + 2 ** level })
        const { tile, first, count } = tileHolding(subtree!, size)
        const hash = subtreeHash(tiles.get(tilePath(tile))!, first, count)
        expect(hash).toEqual(reference.root(leaves.slice(start, start + 2 ** level)))
        if (level > 9) break
      }
    }
    expect(splitHashes(tiles.get('tile/1/000.p/3')!)).toHaveLength(3)
  })
})

describe('entry bundles', () => {
  it('match the published vector', () => {
    const bundle = encodeBundle(['one', 'two', 'three'].map((text) => Buffer.from(text)))
    expect(bundle.toString('hex')).toBe('00036f6e65000374776f00057468726565')
  })

  it('give back what was put in, up to 65,535 bytes an entry', () => {
    const entries = [Buffer.alloc(0), Buffer.alloc(65_535, 7), Buffer.from('x')]
    expect(decodeBundle(encodeBundle(entries), { index: 0, width: 3 })).toEqual(entries)
    expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow(/65,535/)
  })

  it.each([
    ['a missing entry', (bytes: Buffer) => bytes.subarray(0, 5)],
    ['a cut entry', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['a cut length', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)])],
    ['an entry too many', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0, 0)])],
    ['nothing', () => Buffer.alloc(0)],
  ])('are refused with %s', (_, change) => {
    const bundle = encodeBundle(['one', 'two', 'three'].map((text) => Buffer.from(text)))
    expect(() => decodeBundle(change(bundle), { index: 7, width: 3 })).toThrow(/entry bundle 7 has/)
  })
})
