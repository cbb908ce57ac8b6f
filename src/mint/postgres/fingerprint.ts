import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { quoteLiteral } from '../../plan/postgres/sql.ts'
import type { Row } from './admin.ts'

/**
 * What a preflight's answer depends on, cheap enough to read with every mint: the rows of the
 * declared relations exactly, and how often the rest of the catalogue has been written to.
 */
export interface Fingerprint {
  readonly declared: string
  /** Counted by the server's statistics, which may lag by some seconds. */
  readonly catalogue: string
  /** The server's clock, milliseconds since 1970. */
  readonly now: number
}

/** Catalogues that decide what a role reaches; those that a mint itself writes to are left out. */
const WATCHED = [
  'pg_class',
  'pg_attribute',
  'pg_proc',
  'pg_namespace',
  'pg_database',
  'pg_language',
  'pg_foreign_data_wrapper',
  'pg_foreign_server',
  'pg_trigger',
  'pg_constraint',
  'pg_rewrite',
  'pg_default_acl',
  'pg_extension',
  'pg_inherits',
  'pg_largeobject_metadata',
  'pg_parameter_acl',
  'pg_policy',
]

const WRITES = WATCHED.map((catalogue) => {
  const oid = `'pg_catalog.${catalogue}'::regclass`
  return `pg_stat_get_tuples_inserted(${oid}) + pg_stat_get_tuples_updated(${oid}) + pg_stat_get_tuples_deleted(${oid})`
}).join(' + ')

/** One statement with one row; `fingerprintOf` reads it. */
export function fingerprintSql(plan: PostgresPlan): string {
  const names = plan.relations
    .map(({ schema, table }) => `(${quoteLiteral(schema)}, ${quoteLiteral(table)})`)
    .join(', ')
  return `SELECT (SELECT string_agg(concat_ws(' ', c.oid, c.xmin, c.relkind, c.relacl), ',' ORDER BY d.nsp, d.rel)
      FROM (VALUES ${names}) d(nsp, rel) LEFT JOIN pg_namespace n ON n.nspname = d.nsp
      LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = d.rel)
    || (SELECT coalesce(string_agg(a.roleid::text, ','), '') FROM pg_auth_members a
      WHERE a.member = (SELECT oid FROM pg_roles WHERE rolname = ${quoteLiteral(plan.groupRole)})) AS declared,
    (${WRITES})::text AS catalogue, extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`
}

export function fingerprintOf(rows: readonly Row[] | undefined): Fingerprint {
  const row = rows?.[0] ?? {}
  return {
    declared: String(row['declared']),
    catalogue: String(row['catalogue']),
    now: Number(row['now']),
  }
}
