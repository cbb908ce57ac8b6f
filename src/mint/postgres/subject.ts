import type { PlannedRelation, PostgresPlan } from '../../plan/postgres/plan.ts'
import { limitsNote, quoteLiteral, quoteRole } from '../../plan/postgres/sql.ts'

/** A privilege a group role must hold, and beside which it must hold nothing. */
export interface ExpectedPrivilege {
  readonly on: 'database' | 'schema' | 'relation' | 'sequence'
  readonly schema: string
  readonly name: string
  readonly column: string
  readonly privilege: string
}

export function expectedPrivileges(plan: PostgresPlan): ExpectedPrivilege[] {
  const { database, relations, sequences } = plan
  const schemas = new Set([...relations, ...sequences].map(({ schema }) => schema))
  const whole = { schema: '', name: '', column: '' }
  return [
    { ...whole, on: 'database', name: database, privilege: 'CONNECT' },
    ...[...schemas].map((schema) => ({
      ...whole,
      on: 'schema' as const,
      schema,
      privilege: 'USAGE',
    })),
    ...relations.flatMap(ofRelation),
    ...sequences.map(({ schema, name }) => ({
      ...whole,
      on: 'sequence' as const,
      schema,
      name,
      privilege: 'USAGE',
    })),
  ]
}

function ofRelation(relation: PlannedRelation): ExpectedPrivilege[] {
  const { schema, table: name, verbs, columns } = relation
  return verbs.flatMap((verb) =>
    (columns?.[verb] ?? ['']).map((column) => ({
      on: 'relation' as const,
      schema,
      name,
      column,
      privilege: verb.toUpperCase(),
    })),
  )
}

/**
 * Common table expressions about the plan, put in front of every check. `role` is the group role,
 * or `public` while it does not exist: what everybody has, it would have too.
 */
export function subjectSql(plan: PostgresPlan, role: string): string {
  const name = role === 'public' ? "'public'" : `'${role}'`
  if (role !== 'public') quoteRole(role)
  return `WITH RECURSIVE
subject(name, oid, note) AS (SELECT ${name}::name, coalesce((SELECT oid FROM pg_roles WHERE rolname = ${name}), 0::oid), ${quoteLiteral(limitsNote(plan.limits))}::text),
expected(onto, nsp, rel, col, priv) AS (VALUES ${expectedRows(plan)}),
declared(nsp, rel, kind, verbs, updated, rls) AS (VALUES ${plan.relations.map(declaredRow).join(', ')}),
scoped AS (
  SELECT c.oid, c.relkind, c.relrowsecurity, c.relowner, d.* FROM declared d
  JOIN pg_namespace n ON n.nspname = d.nsp JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = d.rel
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')),
reached(oid, verbs, updated) AS (
  SELECT oid, verbs, updated FROM scoped
  UNION SELECT i.inhrelid, r.verbs, r.updated FROM pg_inherits i JOIN reached r ON r.oid = i.inhparent)
`
}

function expectedRows(plan: PostgresPlan): string {
  const row = ({ on, schema, name, column, privilege }: ExpectedPrivilege) =>
    `(${[on, schema, name, column, privilege].map(quoteLiteral).join(', ')})`
  return expectedPrivileges(plan).map(row).join(', ')
}

function declaredRow({ schema, table, kind, verbs, columns, rowSecurity }: PlannedRelation) {
  const updated = columns?.update === undefined ? 'NULL::text[]' : textArray(columns.update)
  const names = [schema, table, kind].map(quoteLiteral).join(', ')
  return `(${names}, ${textArray(verbs)}, ${updated}, ${rowSecurity === true})`
}

function textArray(texts: readonly string[]): string {
  return `ARRAY[${texts.map(quoteLiteral).join(', ')}]::text[]`
}
