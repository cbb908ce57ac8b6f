import { type MysqlAccess, type MysqlTable, parseMysqlTable } from '../../scope/access-mysql.ts'
import { VERBS, type Verb } from '../../scope/access-postgres.ts'
import type { Compiled } from '../problem.ts'
import { grantStatement } from './sql.ts'

export interface PlannedTable extends MysqlTable {
  /** In the order of `VERBS`, without repeats. */
  readonly verbs: readonly Verb[]
}

/** What a scope gives on a MySQL or MariaDB server. */
export interface MysqlPlan {
  readonly kind: 'mysql'
  /** Sorted by database and name. */
  readonly tables: readonly PlannedTable[]
  readonly limits: MysqlAccess['limits']
  /** The exact statements that give a login its privileges; Vault puts the login's name in. */
  readonly statements: readonly string[]
}

export function planMysql(access: MysqlAccess): Compiled<MysqlPlan> {
  const tables = Object.entries(access.tables)
    .map(
      ([name, verbs]): PlannedTable => ({
        ...parseMysqlTable(name),
        verbs: VERBS.filter((verb) => verbs.includes(verb)),
      }),
    )
    .sort(byName)
  const statements = tables.map((table) => grantStatement(table, "'{{name}}'@'%'"))
  return { ok: true, plan: { kind: 'mysql', tables, limits: access.limits, statements } }
}

/** By code units: the same on every machine, whatever its locale. */
function byName(a: MysqlTable, b: MysqlTable): number {
  const compare = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)
  return compare(a.database, b.database) || compare(a.table, b.table)
}
