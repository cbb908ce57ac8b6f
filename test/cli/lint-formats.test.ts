import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { githubAnnotations, SCOPE_RULE, sarif } from '../../src/cli/scope/lint-formats.ts'

/** OASIS, sarif-2.1/schema of github.com/oasis-tcs/sarif-spec; zod reads URI references as URLs. */
const text = await readFile(join(import.meta.dirname, 'sarif-schema-2.1.0.json'), 'utf8')
const schema = z.fromJSONSchema(JSON.parse(text.replaceAll('"uri-reference"', '"x"')))

const problem = fc.record(
  {
    file: fc.string({ minLength: 1, unit: 'binary' }),
    line: fc.integer({ min: 1, max: 1e6 }),
    column: fc.integer({ min: 1, max: 1e6 }),
    message: fc.string({ unit: 'binary' }),
    expected: fc.string({ unit: 'binary' }),
  },
  { requiredKeys: ['file', 'line', 'column', 'message'] },
)

describe('SARIF', () => {
  test('is what the schema of SARIF 2.1.0 accepts, whatever files are called', () => {
    fc.assert(
      fc.property(fc.array(problem, { maxLength: 4 }), (problems) => {
        const made: unknown = JSON.parse(sarif(problems, SCOPE_RULE))
        expect(schema.safeParse(made).error?.issues).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })

  test('is checked by a schema that does refuse', () => {
    const made = JSON.parse(sarif([{ file: 'a', line: 0, column: 1, message: 'm' }], SCOPE_RULE))
    expect(schema.safeParse(made).success).toBe(false)
  })
})

describe('annotations', () => {
  test('are one command a problem, whatever stands in names and messages', () => {
    fc.assert(
      fc.property(fc.array(problem, { maxLength: 4 }), (problems) => {
        const lines = githubAnnotations(problems).split(/\r\n|\r|\n/)
        expect(lines.pop()).toBe('')
        expect(lines).toHaveLength(problems.length)
        for (const line of lines) {
          expect(line).toMatch(/^::error file=[^:,]*,line=\d+,col=\d+::/)
        }
      }),
    )
  })
})
