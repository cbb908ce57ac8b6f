import { digestOf } from '../../canonical.ts'
import type { PostgresAccess, Verb } from '../../scope/access-postgres.ts'
import { VERBS } from '../../scope/access-postgres.ts'
import type { Compiled } from '../plan.ts'
import { groupRoleStatements } from './sql.ts'

/** One relation of a plan; verbs in the order of `VERBS`. */
export interface PlannedRelation {
  readonly schema: string
  readonly table: string
  readonly verbs: readonly Verb[]
}

/** What a scope gives in a PostgreSQL database, wherever that database lives. */
export interface PostgresPlan {
  readonly kind: 'postgres'
  /** Sorted by schema and table. */
  readonly relations: readonly PlannedRelation[]
  /** Name of the group role: content-addressed, so equal privileges share one role. */
  readonly groupRole: string
  /** The exact statements that create the group role with its privileges, in order. */
  readonly statements: readonly string[]
}

export function planPostgres(access: PostgresAccess): Compiled<PostgresPlan> {
  const relations = Object.entries(access.tables)
    .map(([name, verbs]): PlannedRelation => {
      const [schema = '', table = ''] = name.split('.')
      return { schema, table, verbs: VERBS.filter((verb) => verbs.includes(verb)) }
    })
    .sort(byName)
  const content = relations.map(({ schema, table, verbs }) => ({ schema, table, verbs }))
  const groupRole = `cbs_${digestOf(content).slice('sha256:'.length, 'sha256:'.length + 32)}`
  const statements = groupRoleStatements(groupRole, relations)
  return { ok: true, plan: { kind: 'postgres', relations, groupRole, statements } }
}

function byName(a: PlannedRelation, b: PlannedRelation): number {
  const left = `${a.schema}.${a.table}`
  const right = `${b.schema}.${b.table}`
  return left < right ? -1 : left > right ? 1 : 0
}
