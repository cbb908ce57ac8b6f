import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { problemsOf } from '../../src/document/issue.ts'
import { postgresAccess } from '../../src/scope/access-postgres.ts'
import { parseRelationName, relationName } from '../../src/scope/relation-name.ts'

interface Case {
  readonly name: string
  readonly access: unknown
  /** Part of one problem's message; without it the access is accepted. */
  readonly refused?: string
}

const file = new URL('./access-postgres-cases.yaml', import.meta.url)
const cases = parse(readFileSync(file, 'utf8')) as readonly Case[]

describe('PostgreSQL access', () => {
  it.for(cases)('$name', ({ access, refused }) => {
    const result = postgresAccess.safeParse(access, { reportInput: true })
    const problems = result.success ? [] : problemsOf(result.error)
    if (refused === undefined) expect(problems).toEqual([])
    else expect(problems.map(({ message }) => message).join('; ')).toContain(refused)
  })

  it('fills in limits, in seconds', () => {
    const { limits } = postgresAccess.parse({
      tables: { 'public.t': ['select'] },
      limits: { transaction: '10m' },
    })
    expect(limits).toEqual({
      connections: 5,
      statement: 60,
      transaction: 600,
      idle_in_transaction: 30,
      lock_wait: 10,
    })
  })
})

describe('a relation name', () => {
  const part = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 15 })
    .filter((text) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(text) && Buffer.byteLength(text) <= 63)

  it('in quotes means exactly what stands between them', () => {
    fc.assert(
      fc.property(part, part, (schema, name) => {
        const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
        const text = `${quote(schema)}.${quote(name)}`
        fc.pre(!/^pg_/i.test(schema) && schema !== 'information_schema')
        expect(relationName.safeParse(text).success).toBe(true)
        expect(parseRelationName(text)).toEqual({ schema, name })
      }),
    )
  })
})
