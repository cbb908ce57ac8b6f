import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemRandom } from '../../src/clock.ts'
import {
  COMMITTED,
  commitmentTo,
  isOpening,
  openRequest,
  openWord,
  seal,
} from '../../src/ledger/commitment.ts'
import type { GrantDecided } from '../../src/ledger/entry.ts'
import { entryProblem } from '../../src/ledger/entry-schema.ts'
import { allowed, ended, given, id, minted, person } from './entries.ts'

const names = new Set(['intent', 'parameters.ticket', 'claims.team', 'claims.groups'])
const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string()))

function sealed(entry: GrantDecided = allowed(id(7))) {
  const { entry: closed, openings } = seal(entry, names, systemRandom)
  if (closed.kind !== 'grant.decided') throw new Error('another kind')
  return { closed, openings }
}

describe('a commitment', () => {
  test('is the hash that docs/privacy.md defines', () => {
    const salt = Buffer.alloc(32, 7)
    const hash = createHash('sha256')
      .update('credctl/commitment/v1\0')
      .update(salt)
      .update('["claims.team","orders"]')
    expect(commitmentTo('claims.team', 'orders', salt)).toBe(`sha256:${hash.digest('hex')}`)
  })

  test('opens to its own value alone, at its own place alone', () => {
    fc.assert(
      fc.property(value, value, fc.string(), (committed, other, place) => {
        const salt = systemRandom(32)
        const opening = { at: 'claims.team', salt, value: committed }
        const commitment = commitmentTo(opening.at, committed, salt)
        expect(isOpening({ ...opening, commitment })).toBe(true)
        const same = JSON.stringify(other) === JSON.stringify(committed)
        expect(isOpening({ ...opening, commitment, value: other })).toBe(same)
        expect(isOpening({ ...opening, commitment, at: place })).toBe(place === opening.at)
        expect(isOpening({ ...opening, commitment, salt: systemRandom(32) })).toBe(false)
      }),
    )
  })

  test('of a value without salt, or with a short one, opens nothing', () => {
    for (const salt of [Buffer.alloc(0), Buffer.alloc(31)]) {
      const commitment = commitmentTo('intent', 'x', salt)
      expect(isOpening({ at: 'intent', commitment, salt, value: 'x' })).toBe(false)
    }
  })
})

describe('a sealed entry', () => {
  test('holds none of the values, and is an entry', () => {
    const { closed, openings } = sealed()
    expect(entryProblem(closed)).toBeUndefined()
    const text = JSON.stringify(closed)
    for (const hidden of ['Recompute', 'ORD-481', '"orders"', '"a","b"']) {
      expect(text).not.toContain(hidden)
    }
    expect(Object.keys(closed.committed ?? {}).sort()).toEqual([...names].sort())
    expect(openings).toHaveLength(4)
    expect(closed.caller.claims['level']).toBe(3)
  })

  test('of equal values has different commitments', () => {
    expect(sealed().closed.committed).not.toEqual(sealed().closed.committed)
  })

  test('opens to what was sealed', () => {
    const entry = allowed(id(7))
    const { closed, openings } = sealed(entry)
    const { committed: _, ...opened } = openRequest(closed, openings)
    expect(opened).toEqual(entry)
  })

  test('opens only as far as openings prove it', () => {
    const { closed, openings } = sealed()
    const lies = openings.map((opening) => ({ ...opening, value: 'platform-admins' }))
    const moved = openings.map((opening) => ({ ...opening, at: 'claims.trusted' }))
    for (const wrong of [[], lies, moved, sealed().openings]) {
      expect(openRequest(closed, wrong)).toEqual(closed)
    }
    expect(closed.caller.claims['team']).toBe(COMMITTED)
  })

  test('does not open what only looks like a commitment', () => {
    const entry = allowed(id(7), { intent: COMMITTED })
    const { openings } = sealed(entry)
    expect(openRequest(entry, openings)).toEqual(entry)
  })

  test('without any of the values is the entry itself', () => {
    const entry = allowed(id(7))
    expect(seal(entry, new Set(['claims.email']), systemRandom)).toEqual({ entry, openings: [] })
    const other = minted(id(7), 2, id(8))
    expect(seal(other, names, systemRandom)).toEqual({ entry: other, openings: [] })
  })

  test('of a word opens to the same person', () => {
    const by = { ...person('ann'), claims: { team: 'orders', level: 3 } }
    const word = given(id(9), 5, { by })
    const { entry, openings } = seal(word, names, systemRandom)
    if (entry.kind !== 'approval.given') throw new Error('another kind')
    expect(entryProblem(entry)).toBeUndefined()
    expect(entry.by.claims).toEqual({ team: COMMITTED, level: 3 })
    expect(openWord(entry, openings).by).toEqual(by)
    expect(openWord(entry, []).by.claims['team']).toBe(COMMITTED)
    const lies = openings.map((opening) => ({ ...opening, value: 'admins' }))
    expect(openWord(entry, lies).by.claims['team']).toBe(COMMITTED)
  })

  test('that names a person again leaves the claims out', () => {
    const { entry } = seal(ended(id(7), 4), names, systemRandom)
    const claims = entry.kind === 'grant.ended' ? entry.by?.claims : undefined
    expect(claims).toEqual({ level: 3, trusted: true })
  })
})
