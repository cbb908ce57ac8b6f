import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { duration } from '../document/text.ts'
import { columnName, parseColumnName, parseRelationName, relationName } from './relation-name.ts'

/** The only verbs there are: DDL, TRUNCATE, REFERENCES, TRIGGER and MAINTAIN have no spelling. */
export const VERBS = ['select', 'insert', 'update', 'delete'] as const
export type Verb = (typeof VERBS)[number]

export const verbList = z
  .array(z.enum(VERBS))
  .min(1, 'no verbs: name at least one of select, insert, update, delete')
  .superRefine((list, context) => {
    noRepeats(list, 'verb', context)
    refuseBlind(list, context)
  })

const columns = z
  .array(columnName)
  .min(1, 'no columns: name at least one')
  .max(100)
  .superRefine((list, context) => noRepeats(list.map(parseColumnName), 'column', context))

const columnsOrAll = z.union([columns, z.literal('all')])

/** The long form: each verb with its columns, or `all`; rows through the operator's policies. */
const verbMap = fields({
  select: columnsOrAll.optional(),
  insert: columnsOrAll.optional(),
  update: columnsOrAll.optional(),
  delete: z.literal('all').optional(),
  /** Mint only while row-level security is enabled on the table. */
  row_security: z.literal('required').optional(),
}).superRefine((map, context) => {
  const verbs = VERBS.filter((verb) => map[verb] !== undefined)
  if (verbs.length === 0) refuse(context, 'no verbs', { expected: VERBS.join(', ') })
  refuseBlind(verbs, context)
})

const tableAccess = z.union([verbList, verbMap])
export type TableAccess = z.infer<typeof tableAccess>

/**
 * Bounds a watchdog enforces on every session of a credential, whatever the session sets: the
 * broker ends the session that exceeds one. Durations are in seconds once parsed.
 */
const sessionLimits = fields({
  connections: z.int().min(1).max(50).default(5),
  statement: duration({ min: 1, max: 3600 }).default(60),
  transaction: duration({ min: 1, max: 3600 }).default(300),
  idle_in_transaction: duration({ min: 1, max: 3600 }).default(30),
  /** How long a session may wait for a lock, or make anybody else wait for one of its own. */
  lock_wait: duration({ min: 1, max: 3600 }).default(10),
})
export type SessionLimits = z.infer<typeof sessionLimits>

export const postgresAccess = fields({
  tables: z.record(relationName, tableAccess).default({}),
  /** Views run with their owner's rights: whoever lists one vouches for what it reads. */
  views: z.record(relationName, tableAccess).default({}),
  /** Foreign tables reach another server, with the credentials of a user mapping. */
  foreign_tables: z.record(relationName, tableAccess).default({}),
  /** USAGE, which `insert` into a serial column needs; identity columns do not. */
  sequences: z.array(relationName).max(100).default([]),
  limits: sessionLimits.prefault({}),
}).superRefine((access, context) => {
  const { tables, views, foreign_tables: foreign, sequences } = access
  const relations = { tables, views, foreign_tables: foreign }
  if (Object.values(relations).every((group) => Object.keys(group).length === 0)) {
    refuse(context, 'no tables: name at least one', { path: ['tables'] })
  }
  const seen = new Map<string, string>()
  const claim = (text: string, path: (string | number)[]) => {
    const { schema, name } = parseRelationName(text)
    const key = JSON.stringify([schema, name])
    const earlier = seen.get(key)
    if (earlier !== undefined) refuse(context, `${text} is already listed as ${earlier}`, { path })
    seen.set(key, text)
  }
  for (const [group, entries] of Object.entries(relations)) {
    for (const text of Object.keys(entries)) claim(text, [group, text])
  }
  for (const [index, text] of sequences.entries()) claim(text, ['sequences', index])
})
export type PostgresAccess = z.infer<typeof postgresAccess>

function noRepeats(list: readonly string[], what: string, context: z.core.$RefinementCtx): void {
  if (new Set(list).size === list.length) return
  refuse(context, `a ${what} is listed twice`, { expected: `each ${what} once` })
}

/** PostgreSQL checks SELECT for a WHERE: without it only blind whole-table statements work. */
function refuseBlind(verbs: readonly Verb[], context: z.core.$RefinementCtx): void {
  const blind = verbs.find((verb) => verb === 'update' || verb === 'delete')
  if (blind === undefined || verbs.includes('select')) return
  const message = `${blind} without select can only change every row`
  refuse(context, message, { expected: `select beside ${blind}` })
}
