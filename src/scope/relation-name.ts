import { z } from 'zod'
import { refuse } from '../document/fields.ts'

/** A relation or sequence as PostgreSQL stores its name: neither part is quoted or folded. */
export interface RelationName {
  readonly schema: string
  readonly name: string
}

const BARE = '[a-z_][a-z0-9_$]*'
const QUOTED = '"(?:[^"]|"")+"'
const PART = new RegExp(`^(?:${BARE}|${QUOTED})$`)
const QUALIFIED = new RegExp(`^(${BARE}|${QUOTED})\\.(${BARE}|${QUOTED})$`)

/** PostgreSQL cuts longer names silently, so that the grant would be for another table. */
const MAX_BYTES = 63

/** Control, invisible and direction-changing characters make one reviewed name read as another. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/u

/**
 * Reads `schema.table` as SQL would: a part is lower case and bare, or in double quotes and exact.
 * Upper case without quotes is refused instead of folded: whoever writes it means one of the two.
 */
export const relationName = z.string().superRefine((text, context) => {
  const problem = problemOf(text)
  if (problem !== undefined) refuse(context, problem.message, { expected: problem.expected })
})

/** A column, spelled like one part of a relation's name. */
export const columnName = z.string().superRefine((text, context) => {
  const problem = PART.test(text) ? partProblem(unquote(text)) : 'not a column'
  if (problem === undefined) return
  refuse(context, problem, { expected: 'a lower-case name, or the exact name in double quotes' })
})

/** The stored name. Only for text that `relationName` accepted. */
export function parseRelationName(text: string): RelationName {
  const [, schema = '', name = ''] = QUALIFIED.exec(text) ?? []
  return { schema: unquote(schema), name: unquote(name) }
}

export function parseColumnName(text: string): string {
  return unquote(text)
}

function problemOf(text: string): { message: string; expected: string } | undefined {
  if (!QUALIFIED.test(text)) {
    const expected = 'schema.table in lower case without wildcards, or schema."Table" in quotes'
    return { message: 'not a table', expected }
  }
  const { schema, name } = parseRelationName(text)
  const message = partProblem(schema) ?? partProblem(name)
  if (message !== undefined) return { message, expected: 'another name' }
  if (!/^pg_/i.test(schema) && schema !== 'information_schema') return undefined
  return { message: `schema ${schema} belongs to PostgreSQL itself`, expected: 'a schema of yours' }
}

function partProblem(part: string): string | undefined {
  if (Buffer.byteLength(part) > MAX_BYTES) {
    return `a name has more than ${MAX_BYTES} bytes, and PostgreSQL would cut it`
  }
  return INVISIBLE.test(part) ? 'a name holds characters that cannot be seen' : undefined
}

function unquote(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part
}
