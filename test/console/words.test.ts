import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { parseFragment } from 'parse5'
import { describe, expect, test } from 'vitest'
import { pageOf } from '../../src/console/place.ts'
import { count, countdown, listed, quoted, seen, span } from '../../src/console/words.ts'

describe('text from outside', () => {
  test.each([
    ['markup', '<b onclick="x">&amp;', '<bdi>&lt;b onclick=&quot;x&quot;&gt;&amp;amp;</bdi>'],
    ['a line break', 'a\nb', '<bdi>a\nb</bdi>'],
    ['a direction mark', '\u202Eevil', 'U+202E</span>evil'],
    ['an isolate', 'a\u2066b', 'U+2066'],
    ['a zero-width space', 'a\u200Bb', 'U+200B'],
    ['a soft hyphen', 'a\u00ADb', 'U+00AD'],
    ['a filler', 'a\u3164b', 'U+3164'],
    ['a tag character', 'a\u{E0041}b', 'U+E0041'],
    ['a variation selector', 'a\uFE0Fb', 'U+FE0F'],
    ['a carriage return', 'a\rb', 'U+000D'],
    ['an escape', '\u001B[31mred', 'U+001B'],
    ['a lone surrogate', 'a\uD800b', 'U+D800'],
    ['a private character', '\uE000', 'U+E000'],
    ['a null', '\0', 'U+0000'],
  ])('shows %s', (_what, text, shown) => {
    expect(String(seen(text))).toContain(shown)
  })

  test('is never markup, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        for (const html of [String(seen(text)), String(quoted(text))]) {
          const names = [...html.matchAll(/<\/?([a-z0-9]+)/g)].map(([, name]) => name)
          expect(names.filter((name) => !/^(bdi|span|blockquote|p)$/.test(name ?? ''))).toEqual([])
          expect(parseFragment(html).childNodes).toHaveLength(1)
        }
      }),
    )
  })
})

describe('times', () => {
  const CASES: [number, string][] = [
    [-5, 'over'],
    [0, 'over'],
    [0.2, '1 s'],
    [9, '9 s'],
    [60, '1 min 00 s'],
    [247, '4 min 07 s'],
    [3599.5, '1 h 00 min'],
    [3900, '1 h 05 min'],
    [90_000, '25 h 00 min'],
  ]

  test.each(CASES)('%d s is %s', (seconds, words) => {
    expect(span(seconds)).toBe(words)
  })

  test('are said alike by the page and by its script', () => {
    const script = readFileSync('src/console/assets/console.js', 'utf8')
    const source = /function span[\s\S]*?\n}\n/.exec(script)?.[0] ?? ''
    const inBrowser: (seconds: number) => string = runInNewContext(`${source}; span`)
    for (const [seconds, words] of CASES) expect(inBrowser(seconds)).toBe(words)
    fc.assert(
      fc.property(
        fc.double({ min: -100, max: 1e6, noNaN: true }),
        (seconds) => inBrowser(seconds) === span(seconds),
      ),
    )
  })

  test('carry their moment for programs', () => {
    const [until, now] = [new Date('2026-11-21T12:00:00Z'), new Date('2026-11-21T11:59:00Z')]
    expect(String(countdown(until, now))).toContain('datetime="2026-11-21T12:00:00.000Z"')
  })
})

test('numbers and lists are written as people write them', () => {
  expect([count(1, 'entry', 'entries'), count(1204, 'entry', 'entries')]).toEqual([
    '1 entry',
    '1,204 entries',
  ])
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed)).toEqual([
    '',
    'a',
    'a and b',
    'a, b and c',
  ])
})

describe('the page to go back to', () => {
  test.each([
    '/tools/console',
    '/tools/console/log?kind=grant.decided&before=12',
    '/tools/console/grants/01ARYZ6S410000000000000000',
  ])('may be %s', (path) => {
    expect(pageOf('/tools/console', path)).toBe(path)
  })

  test('never leads anywhere else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string({ unit: 'binary' }).map((tail) => `/console${tail}`),
          fc.webUrl(),
        ),
        (text) => {
          const url = new URL(pageOf('/console', text), 'https://credctl.example.com')
          expect(url.origin).toBe('https://credctl.example.com')
          expect(url.pathname).toMatch(/^\/console(\/|$)/)
        },
      ),
    )
  })
})
