import type { SessionLimits, Verb } from '../../scope/access-postgres.ts'
import type { GroupContent, PlannedRelation } from './plan.ts'

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

/** A quoted SQL string: correct whatever `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new TypeError('not a PostgreSQL string: it holds NUL')
  const doubled = text.replaceAll("'", "''")
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`
}

/** A quoted role name of ours; anything else is a programming error, whatever quoting could do. */
export function quoteRole(name: string): string {
  if (!ROLE.test(name)) throw new TypeError('not a role name of credctl')
  return `"${name}"`
}

/** `"schema"."name"`. */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`
}

export interface LoginText {
  /** A password, or the form PostgreSQL may see instead; between quotes already safe. */
  readonly password: string
  readonly validUntil: string
  readonly connections: number
}

/** Creates a login, of a name already quoted, that can do nothing yet. */
export function createLogin(login: string, text: LoginText): string {
  const { password, validUntil, connections } = text
  return `CREATE ROLE ${login} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT CONNECTION LIMIT ${connections} PASSWORD '${password}' VALID UNTIL '${validUntil}'`
}

/**
 * Gives a login, of a name already quoted, the privileges of the group role. Never with SET: a
 * session that ran SET ROLE keeps its rights after the login is dropped, which is why
 * `CREATE ROLE … IN ROLE` will not do.
 */
export function joinGroup(login: string, group: string): string {
  return `GRANT ${quoteRole(group)} TO ${login} WITH INHERIT TRUE, SET FALSE`
}

/** Creates a group role with exactly these privileges: tables are never granted to a login. */
export function groupRoleStatements(role: string, content: GroupContent): string[] {
  const group = quoteRole(role)
  return [
    `CREATE ROLE ${group} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT`,
    `COMMENT ON ROLE ${group} IS ${quoteLiteral(limitsNote(content.limits))}`,
    ...grantStatements(content).map((grant) => `GRANT ${grant} TO ${group}`),
  ]
}

/**
 * The comment on a group role: what the watchdog holds its members to, in seconds. It is on the
 * server so that every replica knows it after every restart, and out of reach of the logins.
 */
export function limitsNote(limits: SessionLimits): string {
  const { statement, transaction, idle_in_transaction, lock_wait } = limits
  return JSON.stringify({ statement, transaction, idle_in_transaction, lock_wait })
}

/** What the grants name, without `GRANT` and `TO`: the same list for whoever receives it. */
export function grantStatements({ database, relations, sequences }: GroupContent): string[] {
  const schemas = new Set([...relations, ...sequences].map(({ schema }) => schema))
  return [
    `CONNECT ON DATABASE ${quoteIdentifier(database)}`,
    ...[...schemas].sort().map((schema) => `USAGE ON SCHEMA ${quoteIdentifier(schema)}`),
    ...relations.map(
      (relation) =>
        `${verbsOf(relation)} ON TABLE ${quoteQualified(relation.schema, relation.table)}`,
    ),
    ...sequences.map(({ schema, name }) => `USAGE ON SEQUENCE ${quoteQualified(schema, name)}`),
  ]
}

function verbsOf({ verbs, columns }: PlannedRelation): string {
  const privilege = (verb: Verb) => {
    const limited = columns?.[verb]
    const list = limited === undefined ? '' : ` (${limited.map(quoteIdentifier).join(', ')})`
    return `${verb.toUpperCase()}${list}`
  }
  return verbs.map(privilege).join(', ')
}
