import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable } from '../../src/cli/terminal.ts'

describe('text for a terminal', () => {
  test.each([
    ['clears the screen', 'a\x1b[2Jb', 'a\\u{1b}[2Jb'],
    ['sets a title with a C1 control', 'a\u009d0;owned\u0007', 'a\\u{9d}0;owned\\u{7}'],
    ['overwrites the line', 'deny\rallow', 'deny\\u{d}allow'],
    ['reads backwards', 'a\u202eb', 'a\\u{202e}b'],
    ['cannot be seen', 'a\u200bb', 'a\\u{200b}b'],
    ['is a tag character', 'a\u{e0041}', 'a\\u{e0041}'],
    ['is only text', 'Grüße, 日本語 – 100 %', 'Grüße, 日本語 – 100 %'],
  ])('that %s', (_what, text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  test('never holds a control character, whatever it was made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      }),
    )
  })
})
