import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { verbList } from './access-postgres.ts'

/** A table as the server stores its name. */
export interface MysqlTable {
  readonly database: string
  readonly table: string
}

/**
 * Fewer characters than backticks would allow: Vault cuts statements at `;`, puts texts in at `{{`,
 * and quotes nothing.
 */
const QUALIFIED = /^([A-Za-z0-9_$-]{1,64})\.([A-Za-z0-9_$-]{1,64})$/
const SYSTEM = new Set(['mysql', 'sys', 'information_schema', 'performance_schema', 'credctl'])

const tableName = z.string().superRefine((text, context) => {
  if (!QUALIFIED.test(text)) {
    const expected = 'database.table, each 1 to 64 of letters, digits, _, $ and -, no wildcards'
    return refuse(context, 'not a table', { expected })
  }
  const { database } = parseMysqlTable(text)
  if (!SYSTEM.has(database.toLowerCase())) return
  const message = `database ${database} belongs to the server itself`
  refuse(context, message, { expected: 'a database of yours' })
})

/** Only for text that the schema accepted. */
export function parseMysqlTable(text: string): MysqlTable {
  const [, database = '', table = ''] = QUALIFIED.exec(text) ?? []
  return { database, table }
}

/** Verbs on named tables of MySQL or MariaDB: nothing that changes their shape has a spelling. */
export const mysqlAccess = fields({
  tables: z.record(tableName, verbList).refine((tables) => Object.keys(tables).length > 0, {
    message: 'no tables: name at least one',
  }),
  limits: fields({ connections: z.int().min(1).max(50).default(5) }).prefault({}),
}).superRefine(({ tables }, context) => {
  const seen = new Map<string, string>()
  for (const name of Object.keys(tables)) {
    // On many servers the case of names makes no difference.
    const earlier = seen.get(name.toLowerCase())
    if (earlier !== undefined) {
      refuse(context, `${name} is already listed as ${earlier}`, { path: ['tables', name] })
    }
    seen.set(name.toLowerCase(), name)
  }
})
export type MysqlAccess = z.infer<typeof mysqlAccess>
