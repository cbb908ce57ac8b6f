import type { PlannedRelation } from './plan.ts'

/** Names of ours: content-addressed group roles and per-credential logins. */
const ROLE = /^cb[sg]_[a-z0-9_]{8,59}$/

/**
 * A quoted SQL identifier. PostgreSQL silently cuts names at 63 bytes, and NUL cannot be quoted:
 * both are refused, never repaired.
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > 63) {
    throw new TypeError('not a PostgreSQL identifier: 1 to 63 bytes without NUL')
  }
  return `"${name.replaceAll('"', '""')}"`
}

/** A quoted role name of ours; anything else is a programming error, whatever quoting could do. */
export function quoteRole(name: string): string {
  if (!ROLE.test(name)) throw new TypeError('not a role name of credctl')
  return `"${name}"`
}

/** Creates a group role with exactly these privileges: tables are never granted to a login. */
export function groupRoleStatements(role: string, relations: readonly PlannedRelation[]): string[] {
  const group = quoteRole(role)
  const schemas = [...new Set(relations.map((relation) => relation.schema))]
  return [
    `CREATE ROLE ${group} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT`,
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${group}`),
    ...relations.map(({ schema, table, verbs }) => {
      const privileges = verbs.map((verb) => verb.toUpperCase()).join(', ')
      const relation = `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`
      return `GRANT ${privileges} ON TABLE ${relation} TO ${group}`
    }),
  ]
}
