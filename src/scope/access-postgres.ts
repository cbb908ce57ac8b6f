import { z } from 'zod'
import { fields } from '../document/fields.ts'

/** The only verbs there are: DDL, TRUNCATE, REFERENCES, TRIGGER and MAINTAIN have no spelling. */
export const VERBS = ['select', 'insert', 'update', 'delete'] as const
export type Verb = (typeof VERBS)[number]

const TABLE = /^[a-z_][a-z0-9_$]{0,62}\.[a-z_][a-z0-9_$]{0,62}$/

const tableName = z.string().regex(TABLE, {
  message: 'not a table: write schema.table in lower case, without quotes or wildcards',
})

const verbs = z
  .array(z.enum(VERBS))
  .min(1, 'no verbs: name at least one of select, insert, update, delete')
  .superRefine((list, context) => {
    const report = (message: string, expected: string) =>
      context.addIssue({ code: 'custom', message, params: { expected } })
    if (new Set(list).size !== list.length) report('a verb is listed twice', 'each verb once')
    const blind = list.find((verb) => verb === 'update' || verb === 'delete')
    if (blind !== undefined && !list.includes('select')) {
      // Without SELECT only blind whole-table statements work: PostgreSQL checks SELECT for a WHERE.
      report(`${blind} without select can only change every row`, `select beside ${blind}`)
    }
  })

export const postgresAccess = fields({
  tables: z
    .record(tableName, verbs)
    .refine((tables) => Object.keys(tables).length > 0, 'no tables: name at least one'),
})
export type PostgresAccess = z.infer<typeof postgresAccess>
