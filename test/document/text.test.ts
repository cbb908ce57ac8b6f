import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDiagnostic, sortDiagnostics } from '../../src/document/diagnostic.ts'
import { nearest } from '../../src/document/nearest.ts'
import { duration, firstUnseen, formatDuration, slug } from '../../src/document/text.ts'

const anyDuration = duration({ min: 1, max: 86_400 })

describe('a duration', () => {
  test.each([
    ['1s', 1],
    ['90s', 90],
    ['15m', 900],
    ['1h', 3600],
    ['24h', 86_400],
  ])('%s is %d seconds', (text, seconds) => {
    expect(anyDuration.parse(text)).toBe(seconds)
  })

  test.each([
    '',
    '0s',
    '-1s',
    '+1s',
    '1',
    's',
    '1d',
    '1.5m',
    '1 m',
    ' 1m',
    '1m ',
    '1m\n',
    '01m',
    '1M',
    '1m30s',
    '٣m',
    '1e2s',
    '25h',
    '9999999s',
    'Infinitys',
  ])('is not %j', (text) => {
    expect(anyDuration.safeParse(text).success).toBe(false)
  })

  test('is the same after it was written and read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 86_400 }), (seconds) => {
        expect(anyDuration.parse(formatDuration(seconds))).toBe(seconds)
      }),
    )
  })

  test('has bounds that are part of it', () => {
    const bounded = duration({ min: 60, max: 3600 })
    expect(['59s', '60s', '1h', '3601s'].map((text) => bounded.safeParse(text).success)).toEqual([
      false,
      true,
      true,
      false,
    ])
  })
})

describe('a name', () => {
  test.each(['a', 'a1', 'orders-db', 'a-b-c', 'x'.repeat(63), 'constructor'])(
    'may be %s',
    (text) => {
      expect(slug.safeParse(text).success).toBe(true)
    },
  )

  test.each([
    '',
    'A',
    '1a',
    '-a',
    'a-',
    'a--b',
    'a_b',
    'a.b',
    'a/b',
    'a b',
    'a\n',
    'ä',
    'а',
    '__proto__',
    'x'.repeat(64),
  ])('may not be %j', (text) => {
    expect(slug.safeParse(text).success).toBe(false)
  })
})

describe('text that cannot be seen', () => {
  test.each([
    '',
    'plain',
    'two\nlines\tand a tab\r\n',
    'ä ß 漢字 \u{1f600}',
    'خطة',
    'می\u200cخواهم',
    '\u{1f468}\u200d\u{1f4bb}',
  ])('is not in %j', (text) => {
    expect(firstUnseen(text)).toBeUndefined()
  })

  test.each([
    '\0',
    '\x1b[31m',
    '\x7f',
    '\x85',
    '\u202e',
    '\u2066',
    '\u200b',
    '\u200e',
    '\u2028',
    '\u2060',
    '\ufeff',
    '\ud800',
    '\udfff',
  ])('is %j', (character) => {
    expect(firstUnseen(`ab${character}c`)).toMatchObject({ index: 2 })
  })
})

describe('the nearest name', () => {
  test.each([
    ['s3:GetObjet', 's3:GetObject'],
    ['s3:getobject', 's3:GetObject'],
    ['S3:PutObjects', 's3:PutObject'],
    ['ec2:RunInstances', undefined],
    ['', undefined],
  ])('to %j is %j', (text, expected) => {
    expect(nearest(text, ['s3:GetObject', 's3:PutObject', 's3:ListBucket'])).toBe(expected)
  })

  test('to a name is itself, and never further than a third of it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 }),
        fc.string({ maxLength: 12 }),
        (names, text) => {
          const [first = ''] = names
          expect(nearest(first, names)?.toLowerCase()).toBe(first.toLowerCase())
          const found = nearest(text, names)
          if (found !== undefined) expect(names).toContain(found)
        },
      ),
    )
  })
})

test('problems are in the order of files, lines and columns, and say what would be accepted', () => {
  const at = (file: string, line: number, column: number) => ({ file, line, column, message: 'm' })
  const sorted = sortDiagnostics([at('b', 1, 1), at('a', 10, 1), at('a', 9, 5), at('a', 9, 4)])
  expect(sorted.map((each) => formatDiagnostic(each))).toEqual([
    'a:9:4: m',
    'a:9:5: m',
    'a:10:1: m',
    'b:1:1: m',
  ])
  expect(formatDiagnostic({ ...at('a', 1, 2), expected: 'x or y' })).toBe(
    'a:1:2: m; expected x or y',
  )
})
