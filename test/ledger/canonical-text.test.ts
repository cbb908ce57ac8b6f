import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileText } from '../../src/ledger/canonical-text.ts'
import type { Entry } from '../../src/ledger/entry.ts'
import { entryJsonSchema } from '../../src/ledger/entry-schema.ts'
import type { JsonSchema } from '../../src/ledger/json-schema.ts'
import { factOf, LOOKED_AT } from '../../src/ledger/verify/fact.ts'
import { parseEntryBytes, readFact } from '../../src/ledger/verify/parse.ts'
import { allowed, caller, entries, id } from './entries.ts'
import { bytesOf } from './file-log.ts'

const read = compileText(entryJsonSchema, LOOKED_AT)
const texts = Object.entries(entries).map(([kind, entry]) => ({
  kind,
  text: bytesOf(entry).toString(),
}))

describe('reading entries from their canonical text', () => {
  it.each(texts)('needs no parser for an ordinary entry: $kind', ({ text }) => {
    expect(Object.fromEntries(read(text) ?? [])).toMatchObject({ kind: /./ })
    expect(read(text)?.get('time')).toBe(`"${JSON.parse(text).time}"`)
  })

  it('finds what the slow way finds', () => {
    for (const { text } of texts) {
      const bytes = Buffer.from(text)
      expect(readFact(bytes)).toEqual(factOf(parseEntryBytes(bytes) as Entry))
    }
  })

  it('never reads what the slow way refuses, and reads the same, whatever was done to a text', () => {
    let read_ = 0
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(edit(), { maxLength: 3 }), (entry, edits) => {
        const text = edits.reduce((before, apply) => apply(before), entry.text)
        const bytes = Buffer.from(text)
        const slow = parseEntryBytes(bytes)
        const fact = readFact(bytes)
        if (typeof slow === 'string') expect(typeof fact).toBe('string')
        else expect(fact).toEqual(factOf(slow))
        if (read(text) !== undefined) read_ += 1
      }),
      { numRuns: 4_000 },
    )
    expect(read_).toBeGreaterThan(500)
  })

  it.each([
    [
      'names out of order',
      (text: string) => text.replace(/"groups":(\[.*?\]),"level":3/, '"level":3,"groups":$1'),
    ],
    ['a name twice', (text: string) => text.replace('"level":3', '"level":3,"level":3')],
    ['an empty name twice', (text: string) => text.replace('"claims":{', '"claims":{"":1,"":2,')],
    ['a member twice', (text: string) => text.replace('"v":1', '"v":1,"v":1')],
    ['a space', (text: string) => text.replace('"v":1', '"v": 1')],
    ['a number respelt', (text: string) => text.replace('"level":3', '"level":3.0')],
    ['a leading zero', (text: string) => text.replace('"level":3', '"level":03')],
    ['minus zero', (text: string) => text.replace('"level":3', '"level":-0')],
    ['a letter escaped', (text: string) => text.replace('"team"', '"te\\u0061m"')],
    ['an unknown member', (text: string) => text.replace('"v":1', '"v":1,"w":1')],
    ['a control character', (text: string) => text.replace('agent-7', 'agent\u00857')],
    ['a day that is none', (text: string) => text.replace(/2026-11-20T10:00/, '2026-02-30T10:00')],
    ['a truncated end', (text: string) => text.slice(0, -1)],
    ['something after the end', (text: string) => `${text}\n`],
  ])('leaves %s to be refused', (_, change) => {
    const text = bytesOf(entries.decided).toString()
    expect(change(text)).not.toBe(text)
    expect(readFact(Buffer.from(change(text)))).toBeTypeOf('string')
  })

  it.each([
    ['escapes', { intent: 'first\nsecond "third"' }],
    ['large numbers', { caller: { ...caller, claims: { level: 1e21 } } }],
    ['fractions', { caller: { ...caller, claims: { level: 0.5 } } }],
    ['names like numbers', { parameters: { '10': 'a', '9': 'b' } }],
    ['other scripts', { intent: 'vérifier — 検証 🔑' }],
    ['a name that sets', { parameters: JSON.parse('{"__proto__":"x"}') }],
  ])('takes %s, the slow way or the fast one', (_, change) => {
    expect(readFact(bytesOf(allowed(id(7), change)))).toMatchObject({ grant: id(7) })
  })

  it('takes time that grows with the text only', () => {
    const claims = Object.fromEntries(
      Array.from({ length: 1_500 }, (_, at) => [`c${at + 1_000}`, ['x', 'y']]),
    )
    const text = bytesOf(allowed(id(7), { caller: { ...caller, claims } })).toString()
    for (let cut = 1; cut < text.length; cut += 97) expect(read(text.slice(0, cut))).toBeUndefined()
    expect(read(text)).toBeDefined()
  })

  it.each<[string, JsonSchema]>([
    ['an object open to other names', { type: 'object', properties: {} }],
    ['a list of records', list({ type: 'object', additionalProperties: { type: 'string' } })],
  ])('refuses to compile %s', (_, schema) => {
    expect(() => compileText(union(schema), [])).toThrow()
  })

  it('keeps members that may all be missing in order', () => {
    const text: JsonSchema = { type: 'string' }
    const properties = { b: text, a: text, c: text }
    const reader = compileText(
      union({ type: 'object', properties, additionalProperties: false }),
      [],
    )
    const read_ = (value: string) => reader(`{"a":${value},"kind":"k"}`) !== undefined
    const good = ['{}', '{"a":"1"}', '{"b":"1"}', '{"a":"1","c":"2"}', '{"a":"1","b":"2","c":"3"}']
    const bad = ['{,"a":"1"}', '{"b":"1","a":"2"}', '{"a":"1""b":"2"}', '{"a":"1",}', '{"d":"1"}']
    expect(good.filter(read_)).toEqual(good)
    expect(bad.filter(read_)).toEqual([])
  })

  it('does not read what has a rule it does not know', () => {
    const items = { type: 'string' }
    const rule = { type: 'array', items, uniqueItems: true } as JsonSchema
    const reader = compileText(union(rule), [])
    expect(reader('{"a":["b"],"kind":"k"}')).toBeUndefined()
    expect(compileText(union(list(items)), [])('{"a":["b"],"kind":"k"}')).toBeDefined()
  })

  it.each<[string, JsonSchema, string[], string[]]>([
    [
      'lengths',
      { ...list({ type: 'string' }), minItems: 1, maxItems: 2 },
      ['["b"]', '["b","c"]'],
      ['[]', '["b","c","d"]'],
    ],
    [
      'counts',
      { type: 'integer', minimum: 1, maximum: 2 ** 53 - 1 },
      ['1', '20'],
      ['0', '-1', '1.5', '01'],
    ],
    ['numbers', { type: 'number' }, ['0', '-5'], ['-0', '1e2', '00']],
    ['text', { type: 'string', maxLength: 2 }, ['""', '"é"'], ['"abc"', '"\\n"', '"\u0001"']],
  ])('keeps %s', (_, schema, good, bad) => {
    const reader = compileText(union(schema), [])
    const read_ = (value: string) => reader(`{"a":${value},"kind":"k"}`) !== undefined
    expect(good.filter(read_)).toEqual(good)
    expect(bad.filter(read_)).toEqual([])
  })

  it('does not read a pattern that could run past the end of a string', () => {
    const reader = compileText(union({ type: 'string', pattern: '^[^x]*$' }), [])
    expect(reader('{"a":"b","kind":"k"}')).toBeUndefined()
    const harmless = compileText(union({ type: 'string', pattern: '^[a-c]{1,2}$' }), [])
    expect(harmless('{"a":"b","kind":"k"}')).toBeDefined()
    expect(harmless('{"a":"abc","kind":"k"}')).toBeUndefined()
  })
})

function union(value: JsonSchema): JsonSchema {
  const kind = { type: 'string', const: 'k' }
  const properties = { a: value, kind }
  return {
    oneOf: [{ type: 'object', properties, required: ['a', 'kind'], additionalProperties: false }],
  }
}

function list(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

const PIECES = [
  '"',
  '\\',
  ',',
  ':',
  '{',
  '}',
  '[',
  ']',
  '0',
  '9',
  '-',
  '.',
  'e',
  ' ',
  'é',
  '\u0085',
]

/** Cuts, doubles, moves or writes over some of a text. */
function edit(): fc.Arbitrary<(text: string) => string> {
  const place = fc.double({ min: 0, max: 0.999, noNaN: true })
  return fc
    .tuple(place, place, fc.constantFrom(...PIECES), fc.integer({ min: 0, max: 4 }))
    .map(([from, length, piece, how]) => (text) => {
      const start = Math.floor(from * text.length)
      const end = start + Math.floor(length * Math.min(24, text.length - start))
      const cut = text.slice(start, end)
      const replacement = ['', cut + cut, piece, piece + cut, cut.toUpperCase()][how] ?? ''
      return text.slice(0, start) + replacement + text.slice(end)
    })
}
