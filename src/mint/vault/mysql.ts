import type { Clock } from '../../clock.ts'
import type { Grant } from '../../decision/decide.ts'
import type { VaultMysqlTarget } from '../../environment/target-vault.ts'
import { CredctlError } from '../../errors.ts'
import type { MysqlPlan } from '../../plan/mysql/plan.ts'
import { mysqlRole } from '../../plan/vault/mysql-role.ts'
import type { IssuedLogin } from '../../vault/database.ts'
import type { Vault } from '../../vault/vault.ts'
import type { MysqlCredential } from '../mint.ts'
import { collectRoles } from './collect.ts'
import { MYSQL_CONNECTION, requireConnection } from './connection.ts'
import { VaultDatabaseMint } from './database.ts'
import { VAULT_MYSQL_GUARANTEES } from './guarantees.ts'

/** Logins of one MySQL or MariaDB server that Vault makes and Vault ends. */
export function vaultMysqlMint(
  target: VaultMysqlTarget,
  parts: { readonly vault: Vault; readonly clock: Clock },
): VaultDatabaseMint {
  const { vault } = parts
  const { mount, connection, tls, token_role: tokenRole } = target
  return new VaultDatabaseMint(
    {
      gives: 'mysql',
      mount,
      tokenRole,
      guarantees: VAULT_MYSQL_GUARANTEES,
      upkeep: {
        patrol: async () => [],
        reconcile: async () => ({ dropped: [], unknown: [], missing: [], failed: [] }),
        collectGroups: (keep, used) => collectRoles(vault, target, { keep, used }),
      },
      roleOf: (grant, name) => {
        const { ttlSeconds } = grant.plan
        return mysqlRole(planOf(grant, name), { connection, ttlSeconds, tls })
      },
      check: () => requireConnection(vault, target, MYSQL_CONNECTION),
      // MySQL allows 32 characters: the id of the grant and three by chance.
      logins: ({ id }) => new RegExp(`^cbg${id.toLowerCase()}[a-z0-9]{3}$`),
      credential: (grant, name, login, expiresAt) =>
        mysqlCredential(target, planOf(grant, name), login, expiresAt),
      facts: () => ({}),
      close: async () => undefined,
    },
    parts,
  )
}

function mysqlCredential(
  { host, port, tls }: VaultMysqlTarget,
  { tables }: MysqlPlan,
  { username: user, password: secret }: IssuedLogin,
  expiresAt: Date,
): MysqlCredential {
  const password = secret.reveal()
  const databases = [...new Set(tables.map(({ database }) => database))]
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const login = `${user}:${encodeURIComponent(password)}`
  return {
    host,
    port,
    user,
    password,
    ssl_mode: tls === 'disable' ? 'DISABLED' : 'VERIFY_IDENTITY',
    databases,
    uri: `mysql://${login}@${authority}/${encodeURIComponent(databases[0] ?? '')}`,
    expires_at: expiresAt.toISOString(),
  }
}

function planOf(grant: Grant, target: string): MysqlPlan {
  const plan = grant.plan.targets[target]
  if (plan?.kind === 'mysql') return plan
  throw new CredctlError('target_unknown', `the grant's target ${target} is not MySQL`)
}
