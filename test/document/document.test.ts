import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { formatDiagnostic } from '../../src/document/diagnostic.ts'
import { parseSource } from '../../src/document/document.ts'
import { fields } from '../../src/document/fields.ts'

const schema = fields({
  name: z.string(),
  count: z.int().min(1).max(9).optional(),
  list: z
    .array(fields({ id: z.string() }))
    .max(2)
    .default([]),
  kind: z
    .union([fields({ one: z.string() }), fields({ two: fields({ deep: z.int() }) })])
    .optional(),
  either: z.union([z.string(), z.array(z.string())]).optional(),
})

const problems = (text: string) => {
  const parsed = parseSource('f', text, schema)
  return parsed.ok ? [] : parsed.diagnostics.map((each) => formatDiagnostic(each).slice(2))
}

describe('a problem', () => {
  test.each([
    ['at a value', 'name: 1', ['1:7: wrong type for "name"; expected a string, in quotes']],
    [
      'at a key',
      'name: a\nextra: 1',
      ['2:1: unknown key "extra"; expected one of name, count, list, kind, either'],
    ],
    ['at the parent of what is missing', 'count: 1', ['1:1: missing "name"; expected a string']],
    [
      'in a list',
      'name: a\nlist:\n  - id: a\n  - id: 2',
      ['4:9: wrong type for "id"; expected a string, in quotes'],
    ],
    [
      'at an entry of a list',
      'name: a\nlist: [x]',
      ['2:8: wrong type for item 1 of "list"; expected a mapping'],
    ],
    [
      'of too many entries',
      'name: a\nlist: [{id: a}, {id: b}, {id: c}]',
      ['2:7: "list" is too long; expected at most 2 entries'],
    ],
    [
      'of a number too small',
      'name: a\ncount: 0',
      ['2:8: "count" is too small; expected at least 1'],
    ],
    ['of a number too big', 'name: a\ncount: 10', ['2:8: "count" is too big; expected at most 9']],
    [
      'of no kind',
      'name: a\nkind: {}',
      ['2:7: "kind" must have exactly one of these keys; expected one or two'],
    ],
    [
      'of two kinds',
      'name: a\nkind: {one: a, two: {deep: 1}}',
      ['2:7: "kind" must have exactly one of these keys; expected one or two'],
    ],
    [
      'of a kind that does not exist',
      'name: a\nkind: {three: a}',
      ['2:7: "kind" must have exactly one of these keys; expected one or two'],
    ],
    [
      'within the kind that was meant',
      'name: a\nkind: {two: {deep: x}}',
      ['2:20: wrong type for "deep"; expected a number'],
    ],
    [
      'of a value of neither type',
      'name: a\neither: {}',
      ['2:9: "either" is not accepted; expected a string or a list'],
    ],
    [
      'of every kind at once',
      'count: 0\nextra: 1\nlist: 1',
      [
        '1:1: missing "name"; expected a string',
        '1:8: "count" is too small; expected at least 1',
        '3:7: wrong type for "list"; expected a list',
        '2:1: unknown key "extra"; expected one of name, count, list, kind, either',
      ],
    ],
    [
      'behind CRLF',
      'name: a\r\nextra: 1',
      ['2:1: unknown key "extra"; expected one of name, count, list, kind, either'],
    ],
    [
      'behind characters of two units',
      'name: "\u{1f600}"\nextra: 1',
      ['2:1: unknown key "extra"; expected one of name, count, list, kind, either'],
    ],
  ])('%s is found where it stands', (_what, text, expected) => {
    expect(problems(text)).toEqual(expected)
  })
})

test('a document still knows where each value stood', () => {
  const parsed = parseSource('f', 'name: a\nlist:\n  - id: x\n  - id: y\n', schema)
  if (!parsed.ok) throw new Error('not parsed')
  const at = (path: (string | number)[], atKey = false) => {
    const { line, column } = parsed.document.locate({ path, atKey, message: 'm' })
    return [line, column]
  }
  expect(at(['list', 1, 'id'])).toEqual([4, 9])
  expect(at(['list', 1, 'id'], true)).toEqual([4, 5])
  expect(at(['list', 7, 'id'])).toEqual([3, 3])
  expect(at(['nothing', 'here'])).toEqual([1, 1])
  expect(at([])).toEqual([1, 1])
})
