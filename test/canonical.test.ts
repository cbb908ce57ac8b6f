import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalBytes, digestBytes, digestOf } from '../src/canonical.ts'

describe('the canonical form', () => {
  test('has the bytes of the example in RFC 8785 §3.2.2', () => {
    const value = {
      numbers: [JSON.parse('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalBytes(value).toString('utf8')).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  test('sorts names by UTF-16 code units (RFC 8785 §3.2.3)', () => {
    const value = { '\ufb33': 1, '\u{1f600}': 2, '\u20ac': 3, '1': 4, '\r': 5, ö: 6, '\u0080': 7 }
    expect(Object.keys(JSON.parse(canonicalBytes(value).toString('utf8')))).toHaveLength(7)
    expect(
      [...canonicalBytes(value).toString('utf8').matchAll(/:(\d)/g)].map(([, n]) => n),
    ).toEqual(['5', '4', '7', '6', '3', '2', '1'])
  })

  test.each([NaN, Infinity, -Infinity, '\ud800', 'a\udc00b'])('does not exist for %j', (value) => {
    expect(() => canonicalBytes([value])).toThrow()
  })

  test('does not exist for a lone surrogate in a name', () => {
    expect(() => canonicalBytes({ '\ud800': 1 })).toThrow()
  })

  test('survives reading and writing again, whatever the value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const bytes = canonicalBytes(JSON.parse(JSON.stringify(value)))
        expect(canonicalBytes(JSON.parse(bytes.toString('utf8')))).toEqual(bytes)
      }),
    )
  })

  test('is that of the library for every value, with names that objects sort by themselves', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('1', '10', '9', '01', '__proto__'),
    )
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue({ noUnicodeString: false }),
        fc.array(tie('tree')),
        fc.dictionary(names, tie('tree')),
      ),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        expect(canonicalBytes(value as never).toString('utf8')).toBe(canonicalize(value))
      }),
      { numRuns: 300 },
    )
  })

  test('is the same for every order of the names, and another for another value', () => {
    expect(digestOf({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(digestOf({ b: [{ d: 3, c: 2 }], a: 1 }))
    expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: '1' }))
    expect(digestOf([1, 2])).not.toBe(digestOf([2, 1]))
  })

  test('refuses, when compiled, what would be dropped without a word', () => {
    // @ts-expect-error a date has methods
    expect(digestOf({ at: new Date(0) })).toBeDefined()
    // @ts-expect-error a map would become {}
    expect(digestOf({ map: new Map() })).toBeDefined()
    // @ts-expect-error undefined would be left out
    expect(digestOf({ a: undefined })).toBeDefined()
    // @ts-expect-error functions would be left out
    expect(digestOf({ a: () => 1 })).toBeDefined()
    // @ts-expect-error unknown may be any of these
    expect(digestOf(JSON.parse('{}') as unknown)).toBeDefined()
  })
})

test('a digest is sha256: and the hash of the bytes', () => {
  expect(digestBytes(new Uint8Array())).toBe(
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  )
})
