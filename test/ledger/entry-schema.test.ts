import { describe, expect, expectTypeOf, it } from 'vitest'
import type { z } from 'zod'
import type { Entry } from '../../src/ledger/entry.ts'
import { entryProblem, type entrySchema } from '../../src/ledger/entry-schema.ts'
import { entries } from './entries.ts'

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T

it('the schema accepts exactly the type', () => {
  type Accepted = DeepReadonly<z.infer<typeof entrySchema>>
  expectTypeOf<Accepted>().toExtend<Entry>()
  expectTypeOf<Entry>().toExtend<Accepted>()
  expectTypeOf<keyof Accepted>().toEqualTypeOf<keyof Entry>()
})

describe('an entry', () => {
  it.each(Object.values(entries))('of kind $kind is accepted', (entry) => {
    expect(entryProblem(entry)).toBeUndefined()
  })

  it.each(Object.values(entries))('of kind $kind with an unknown key is refused', (entry) => {
    expect(entryProblem({ ...entry, secret: 'x' })).toBe('entry: unrecognized_keys')
  })

  it.each(Object.values(entries))(
    'of kind $kind without any one of its members is refused',
    (entry) => {
      const optional = ['blast_radius', 'by']
      for (const key of Object.keys(entry).filter((each) => !optional.includes(each))) {
        const { [key]: _, ...rest } = entry as Record<string, unknown>
        expect(entryProblem(rest), key).toBeDefined()
      }
    },
  )

  const { decided, minted } = entries
  it.each([
    ['an unknown kind', { ...decided, kind: 'grant.extended' }],
    ['another version', { ...decided, v: 2 }],
    ['a time without milliseconds', { ...decided, time: '2026-11-20T10:00:00Z' }],
    ['a time in another zone', { ...decided, time: '2026-11-20T10:00:00.000+01:00' }],
    ['a month 13', { ...decided, time: '2026-13-20T10:00:00.000Z' }],
    ['a 30th of February', { ...decided, time: '2026-02-30T10:00:00.000Z' }],
    ['the year 0', { ...decided, time: '0000-01-01T10:00:00.000Z' }],
    ['a NUL in the subject', { ...decided, caller: { ...decided.caller, subject: 'a\0b' } }],
    ['a newline in the environment', { ...decided, environment: { name: 'a\nb' } }],
    ['a grant id that is no ULID', { ...decided, grant: 'x' }],
    ['a digest in upper case', { ...decided, plan: `sha256:${'A'.repeat(64)}` }],
    ['an allow without an end', { ...decided, expires: undefined }],
    ['a deny with an end', { ...decided, decision: 'deny' }],
    ['a first entry with a previous one', { ...decided, previous: 1 }],
    ['a negative previous', { ...minted, previous: -1 }],
    ['a fraction of a previous', { ...minted, previous: 0.5 }],
    ['no object', null],
    ['a list', []],
  ])('with %s is refused', (_, value) => {
    expect(entryProblem(value)).toBeDefined()
  })

  it('is never quoted in what is said about it', () => {
    const value = { ...decided, caller: { ...decided.caller, token: 'eyJhbGciOi.secret.token' } }
    expect(entryProblem(value)).not.toContain('secret')
  })
})
