import { digestOf } from '../../canonical.ts'
import type {
  PostgresAccess,
  SessionLimits,
  TableAccess,
  Verb,
} from '../../scope/access-postgres.ts'
import { VERBS } from '../../scope/access-postgres.ts'
import { parseColumnName, parseRelationName, type RelationName } from '../../scope/relation-name.ts'
import type { Compiled } from '../problem.ts'
import { groupRoleStatements } from './sql.ts'

export type RelationKind = 'table' | 'view' | 'foreign_table'

/** One relation of a plan; verbs in the order of `VERBS`. */
export interface PlannedRelation {
  readonly schema: string
  readonly table: string
  readonly kind: RelationKind
  readonly verbs: readonly Verb[]
  /** For verbs that reach some columns only: which, sorted. */
  readonly columns?: Readonly<Partial<Record<Verb, readonly string[]>>>
  /** Row-level security must be enabled on the table. */
  readonly rowSecurity?: true
}

/** What a scope gives in one PostgreSQL database. */
export interface PostgresPlan {
  readonly kind: 'postgres'
  readonly database: string
  /** Sorted by schema and table. */
  readonly relations: readonly PlannedRelation[]
  /** Sequences with USAGE, sorted. */
  readonly sequences: readonly RelationName[]
  /** In seconds; held by the watchdog and, as defaults, by the login's own settings. */
  readonly limits: SessionLimits
  /**
   * Name of the group role: content-addressed, so that equal privileges and limits share one
   * role. The database is part of the content because roles belong to the whole server: without
   * it, the grants of two databases would meet in one role.
   */
  readonly groupRole: string
  /** The exact statements that create the group role with its privileges, in order. */
  readonly statements: readonly string[]
}

export function planPostgres(
  access: PostgresAccess,
  target: { readonly database: string },
): Compiled<PostgresPlan> {
  const { database } = target
  const relations = [
    ...relationsOf('table', access.tables),
    ...relationsOf('view', access.views),
    ...relationsOf('foreign_table', access.foreign_tables),
  ].sort(byKey((relation) => [relation.schema, relation.table]))
  const sequences = access.sequences
    .map(parseRelationName)
    .sort(byKey((sequence) => [sequence.schema, sequence.name]))
  const content = { database, relations, sequences, limits: access.limits }
  const groupRole = groupRoleName(content)
  const statements = groupRoleStatements(groupRole, content)
  return { ok: true, plan: { kind: 'postgres', ...content, groupRole, statements } }
}

/** What a group role holds, and all that its name is derived from. */
export type GroupContent = Pick<PostgresPlan, 'database' | 'relations' | 'sequences' | 'limits'>

function groupRoleName(content: GroupContent): string {
  return `cbs_${digestOf(content).slice('sha256:'.length, 'sha256:'.length + 32)}`
}

function relationsOf(
  kind: RelationKind,
  entries: Readonly<Record<string, TableAccess>>,
): PlannedRelation[] {
  return Object.entries(entries).map(([text, access]) => {
    const { schema, name: table } = parseRelationName(text)
    if (Array.isArray(access)) return { schema, table, kind, verbs: inOrder(access) }
    return { schema, table, kind, ...longForm(access) }
  })
}

type LongForm = Exclude<TableAccess, readonly Verb[]>

function longForm(access: LongForm): Omit<PlannedRelation, 'schema' | 'table' | 'kind'> {
  const verbs = VERBS.filter((verb) => access[verb] !== undefined)
  const limited = verbs.flatMap((verb): [Verb, string[]][] => {
    const columns = access[verb]
    return Array.isArray(columns) ? [[verb, columns.map(parseColumnName).sort()]] : []
  })
  return {
    verbs,
    ...(limited.length > 0 ? { columns: Object.fromEntries(limited) } : {}),
    ...(access.row_security === undefined ? {} : { rowSecurity: true }),
  }
}

function inOrder(verbs: readonly Verb[]): Verb[] {
  return VERBS.filter((verb) => verbs.includes(verb))
}

/** By code units, part by part: the same on every machine, whatever its locale. */
function byKey<T>(key: (item: T) => readonly [string, string]): (a: T, b: T) => number {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return (a, b) => {
    const [left, right] = [key(a), key(b)]
    return compare(left[0], right[0]) || compare(left[1], right[1])
  }
}
