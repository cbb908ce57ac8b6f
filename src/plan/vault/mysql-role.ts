import { digestOf } from '../../canonical.ts'
import type { MysqlPlan } from '../mysql/plan.ts'
import type { DatabaseRole, NamedDatabaseRole } from './database-role.ts'

export interface MysqlRoleOptions {
  /** The name under `database/config`. */
  readonly connection: string
  readonly ttlSeconds: number
  /** May logins come without TLS? On loopback only. */
  readonly tls: 'verify-full' | 'disable'
}

/**
 * The Vault role of a plan on MySQL or MariaDB. Its statements commit one by one: a login stays locked
 * until it has all its privileges, so that a failure in between leaves none that anybody can use.
 */
export function mysqlRole(
  { statements, limits }: MysqlPlan,
  { connection, ttlSeconds, tls }: MysqlRoleOptions,
): NamedDatabaseRole {
  const transport = tls === 'disable' ? 'NONE' : 'SSL'
  const role: DatabaseRole = {
    db_name: connection,
    creation_statements: [
      `CALL credctl.create_login('{{name}}', '{{password}}', ${limits.connections}, '${transport}')`,
      ...statements,
      `CALL credctl.open_login('{{name}}')`,
    ],
    revocation_statements: [`CALL credctl.end_login('{{name}}')`],
    renew_statements: [],
    rollback_statements: [],
    default_ttl: ttlSeconds,
    max_ttl: ttlSeconds,
    credential_type: 'password',
  }
  return { name: `cb-${digestOf(role).slice('sha256:'.length, 'sha256:'.length + 32)}`, role }
}
