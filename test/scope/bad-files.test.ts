import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { formatDiagnostic } from '../../src/document/diagnostic.ts'
import { parseSource } from '../../src/document/document.ts'
import { scopeSchema } from '../../src/scope/scope.ts'
import { BASE, type BadFile, CASES, matching, problemsFor, textOf } from './problems.ts'

const files = readdirSync(CASES).filter((name) => name !== 'base.yaml')

test('the file that every case breaks in one place is itself right', () => {
  expect(problemsFor({ it: 'the base', text: BASE })).toEqual([])
})

describe.each(files)('%s', (file) => {
  const cases: (BadFile & { problems: string[] })[] = parse(readFileSync(join(CASES, file), 'utf8'))

  test.each(cases.map((each) => [each.it, each] as const))('refuses %s', (_it, each) => {
    expect(each.problems.length).toBeGreaterThan(0)
    expect(problemsFor(each)).toEqual(matching(each.problems))
    if (textOf(each, BASE).includes('hunter2')) {
      expect(problemsFor(each).join()).not.toContain('hunter2')
    }
  })
})

describe('whatever the text', () => {
  const parseScope = (text: string) => parseSource('x.yaml', text, scopeSchema)

  const mutation = fc.record({
    at: fc.nat({ max: BASE.length }),
    cut: fc.nat({ max: 20 }),
    put: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom(
        '&a ',
        '*a',
        '!!str ',
        '{',
        '}',
        '[',
        ']',
        '- ',
        '? ',
        ': ',
        '"',
        '\t',
        '\0',
        '|',
        '>',
        '%',
        '#',
        '---\n',
        '<<: ',
        '__proto__: ',
      ),
    ),
  })
  const mutated = fc
    .array(mutation, { minLength: 1, maxLength: 6 })
    .map((mutations) =>
      mutations.reduce(
        (text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut),
        BASE,
      ),
    )

  test('parsing ends in a scope or in problems that lead to a place in the file', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), mutated), (text) => {
        const parsed = parseScope(text)
        if (parsed.ok) return
        expect(parsed.diagnostics.length).toBeGreaterThan(0)
        const lines = text.split(/\r\n|\n|\r/)
        for (const diagnostic of parsed.diagnostics) {
          expect(formatDiagnostic(diagnostic)).toMatch(/^x\.yaml:\d+:\d+: ./)
          expect(diagnostic.line).toBeLessThanOrEqual(lines.length + 1)
        }
      }),
      { numRuns: 600 },
    )
  })

  test('what is accepted has the meaning of the file with its comments and layout taken away', () => {
    fc.assert(
      fc.property(mutated, (text) => {
        const parsed = parseScope(text)
        if (!parsed.ok) return
        const again = parseScope(JSON.stringify(parse(text)))
        expect(again.ok && again.value).toEqual(parsed.value)
      }),
      { numRuns: 600 },
    )
  })
})

describe('layout', () => {
  test.each([
    ['a byte order mark', `\ufeff${BASE}`],
    ['CRLF', BASE.replaceAll('\n', '\r\n')],
    ['a document start', `---\n${BASE}`],
    ['comments and emptiness', `# a\n\n${BASE}\n\n# b\n`],
    ['no newline at the end', BASE.trimEnd()],
    ['JSON', JSON.stringify(parse(BASE))],
  ])('%s changes nothing', (_what, text) => {
    const plain = parseSource('x.yaml', BASE, scopeSchema)
    const other = parseSource('x.yaml', text, scopeSchema)
    expect(other.ok && plain.ok && other.value).toEqual(plain.ok && plain.value)
    expect(other.ok).toBe(true)
  })
})
