import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCredctlError } from '../../src/errors.ts'
import { parseStrictObject } from '../../src/identity/strict-json.ts'

const parse = (text: string) => parseStrictObject(Buffer.from(text), 'text')

test('reads what JSON.parse reads, for any object of strings, numbers and lists', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 })),
      (value) => {
        const text = JSON.stringify(value, null, 1)
        expect(parse(text)).toEqual(JSON.parse(text))
      },
    ),
  )
})

test('a member named twice is refused at any place and in any spelling', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.nat(5), (name, depth) => {
      const twice = `{${JSON.stringify(name)}:1,"other":[{}],"${escapeAll(name)}":2}`
      const text = nestIn(twice, depth)
      expect(() => parse(text)).toThrow('names a member twice')
    }),
  )
})

function nestIn(text: string, depth: number): string {
  return depth === 0 ? text : `{"in":${nestIn(text, depth - 1)}}`
}

function escapeAll(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

test.each([
  ['a byte that is no UTF-8', [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]],
  ['an overlong encoding', [0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]],
  ['a byte order mark', [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
])('%s is refused, not repaired', (_name, bytes) => {
  expect(() => parseStrictObject(Uint8Array.from(bytes), 'text')).toThrow('not a JSON object')
})

test('throws only its own error for any bytes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.string().map(Buffer.from)), (bytes) => {
      try {
        parseStrictObject(bytes, 'text')
      } catch (error) {
        expect(isCredctlError(error, 'token_malformed')).toBe(true)
      }
    }),
  )
})

describe('is read as written:', () => {
  test.each([
    ['equal names in different objects', '{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}'],
    ['values that look like names', '{"a":"b","b":"a"}'],
    ['text with colons, quotes and brackets', '{"a":"\\":{[\\\\","b":"a\\":"}'],
    ['spaces around the colon', '{ "a" \t\n : 1 , "b" : [ "a" , "a" ] }'],
    ['a member named __proto__', '{"__proto__":1}'],
  ])('%s', (_name, text) => {
    expect(Object.entries(parse(text))).toEqual(Object.entries(JSON.parse(text)))
  })
})
