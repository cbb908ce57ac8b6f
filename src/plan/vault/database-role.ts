import { digestOf } from '../../canonical.ts'
import type { PostgresPlan } from '../postgres/plan.ts'
import { createLogin, joinGroup } from '../postgres/sql.ts'

/**
 * What is written to `roles/<name>` of Vault's database engine: every field, because Vault keeps the
 * old value of one that is left out, and a TTL that is left out is 32 days.
 */
export interface DatabaseRole {
  readonly db_name: string
  readonly creation_statements: readonly string[]
  readonly revocation_statements: readonly string[]
  readonly renew_statements: readonly string[]
  readonly rollback_statements: readonly string[]
  /** In seconds, as Vault gives them back. */
  readonly default_ttl: number
  readonly max_ttl: number
  readonly credential_type: 'password'
}

export interface NamedDatabaseRole {
  /** Content-addressed: a role is never changed, another content has another name. */
  readonly name: string
  readonly role: DatabaseRole
}

/** Vault puts these in as text, without quoting; its own names hold nothing that needs it. */
const LOGIN = '"{{name}}"'

/**
 * The Vault role of a plan: logins like those that the broker makes itself, with the same group role
 * and the same statements, for one connection of Vault. One statement per element: Vault splits an
 * element at `;` unless it finds the word END in it.
 */
export function databaseRole(
  plan: PostgresPlan,
  connection: string,
  ttlSeconds: number,
): NamedDatabaseRole {
  const { groupRole, limits } = plan
  const text = { password: '{{password}}', validUntil: '{{expiration}}' }
  const role: DatabaseRole = {
    db_name: connection,
    creation_statements: [
      createLogin(LOGIN, { ...text, connections: limits.connections }),
      joinGroup(LOGIN, groupRole),
    ],
    revocation_statements: [REVOCATION],
    renew_statements: [],
    rollback_statements: [],
    default_ttl: ttlSeconds,
    max_ttl: ttlSeconds,
    credential_type: 'password',
  }
  return { name: `cb-${digestOf(role).slice('sha256:'.length, 'sha256:'.length + 32)}`, role }
}

/**
 * Ends a login with its sessions and what it made in this database; a login that is not there is
 * success, or a lease of one dropped by hand could never end. Vault's own statements fail for
 * members of group roles unless its database user is a superuser. The membership comes before
 * terminating: it is what allows that without pg_signal_backend.
 */
const REVOCATION = `DO $$ DECLARE login text := '{{name}}'; BEGIN
IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = login) THEN
EXECUTE pg_catalog.format('ALTER ROLE %I NOLOGIN', login);
EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER WITH INHERIT TRUE, SET FALSE', login);
PERFORM pg_catalog.pg_terminate_backend(pid, 2000) FROM pg_catalog.pg_stat_activity WHERE usename = login;
EXECUTE pg_catalog.format('DROP OWNED BY %I', login);
EXECUTE pg_catalog.format('DROP ROLE %I', login);
END IF; END $$`
