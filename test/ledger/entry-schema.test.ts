import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { z } from 'zod'
import type { Entry } from '../../src/ledger/entry.ts'
import { entryJsonSchema, entryProblem, entrySchema } from '../../src/ledger/entry-schema.ts'
import { compile } from '../../src/ledger/json-schema.ts'
import { denied, entries } from './entries.ts'

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
    ['a refusal with a previous one', { ...denied(decided.grant), previous: 1 }],
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

describe('the compiled schema', () => {
  const compiled = compile(entryJsonSchema)
  const strange = [
    undefined,
    null,
    true,
    false,
    0,
    1,
    -1,
    0.5,
    2 ** 53,
    '',
    'x',
    'a\nb',
    '\0',
    'x'.repeat(20_000),
    [],
    ['x'],
    [1],
    {},
    { a: 1 },
    { a: 'x' },
    { __proto__: null, kind: 'x' },
    Number.NaN,
  ]

  /** Every path into a value, to change it there. */
  function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
    if (typeof value !== 'object' || value === null) return [path]
    const inner = Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...path, key]))
    return [path, ...inner]
  }

  function changed(value: unknown, path: readonly (string | number)[], to: unknown): unknown {
    const [key, ...rest] = path
    if (key === undefined) return to
    const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
      ? [...value]
      : { ...(value as object) }
    const inner = (copy as Record<string, unknown>)[key]
    Object.assign(copy, { [key]: changed(inner, rest, to) })
    return copy
  }

  it('agrees with the schema on every entry with anything changed anywhere', () => {
    const cases = Object.values(entries).flatMap((entry) =>
      pathsOf(entry).flatMap((path) => strange.map((to) => changed(entry, path, to))),
    )
    expect(cases.length).toBeGreaterThan(1_000)
    for (const value of cases) {
      expect(compiled(value), JSON.stringify(value)).toBe(entrySchema.safeParse(value).success)
    }
  })

  it('agrees with the schema on anything', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(compiled(value)).toBe(entrySchema.safeParse(value).success)
      }),
    )
  })

  it('refuses to ignore a rule', () => {
    expect(() => compile({ type: 'string', format: 'email' } as object)).toThrow(/format/)
    expect(() => compile({ type: 'object', properties: {} })).toThrow(/open to other names/)
    expect(() => compile({ $ref: '#/$defs/none' })).toThrow(/none/)
  })
})
