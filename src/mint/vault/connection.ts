import type { VaultMysqlTarget, VaultPostgresTarget } from '../../environment/target-vault.ts'
import { CredctlError } from '../../errors.ts'
import { type Connection, readConnection } from '../../vault/database.ts'
import type { Vault } from '../../vault/vault.ts'

/** What a connection of Vault must be like before anything is minted through it. */
interface Requirement<Target> {
  readonly holds: (connection: Connection, target: Target) => boolean
  readonly message: string
  readonly hint: string
}

/** What both kinds of connection must be. */
const COMMON: readonly Requirement<VaultPostgresTarget | VaultMysqlTarget>[] = [
  {
    holds: ({ connection_details: { username } }, { vault_user: user }) =>
      user === undefined || username === user,
    message: 'uses another role in the database than vault_user says',
    hint: 'correct username in Vault, or vault_user here',
  },
  {
    holds: ({ allowed_roles }) => allowed_roles.includes('cb-*') || allowed_roles.includes('*'),
    message: 'does not allow the roles of credctl',
    hint: 'set allowed_roles=cb-*',
  },
]

export const POSTGRES_CONNECTION: readonly Requirement<VaultPostgresTarget>[] = [
  {
    holds: ({ plugin_name }) => plugin_name === 'postgresql-database-plugin',
    message: 'is not of the PostgreSQL plugin',
    hint: 'set plugin_name=postgresql-database-plugin',
  },
  {
    holds: ({ connection_details: { connection_url } }, { database }) =>
      connection_url !== undefined && databaseOf(connection_url) === database,
    message: 'leads to another database than the target says',
    hint: 'correct connection_url in Vault, or database here',
  },
  {
    holds: ({ connection_details }) =>
      connection_details.password_authentication === 'scram-sha-256',
    message: 'sends passwords in clear text, which then stand in logs of the server',
    hint: 'set password_authentication=scram-sha-256',
  },
  named('cbg_'),
  ...COMMON,
]

export const MYSQL_CONNECTION: readonly Requirement<VaultMysqlTarget>[] = [
  {
    holds: ({ plugin_name }) => /^mysql-(aurora-|rds-)?database-plugin$/.test(plugin_name),
    message: 'is not of the MySQL plugin',
    hint: 'set plugin_name=mysql-database-plugin',
  },
  named('cbg%s'),
  ...COMMON,
]

function named(prefix: string): Requirement<unknown> {
  return {
    holds: ({ connection_details }) => connection_details.username_template.includes(prefix),
    message: 'does not name logins after their grant',
    hint: 'set username_template as in docs/vault.md',
  }
}

/** Errors: `target_refused` for a connection that would make other logins than the plan says. */
export async function requireConnection<T extends VaultPostgresTarget | VaultMysqlTarget>(
  vault: Vault,
  target: T,
  requirements: readonly Requirement<T>[],
): Promise<void> {
  const connection = await readConnection(vault, target.mount, target.connection)
  const broken = requirements.find(({ holds }) => !holds(connection, target))
  if (broken === undefined) return
  const message = `the Vault connection ${target.connection} ${broken.message}`
  throw new CredctlError('target_refused', message, { hint: broken.hint })
}

/** Of `postgresql://{{username}}:{{password}}@host:5432/app?sslmode=…`; Vault escapes the braces. */
function databaseOf(url: string): string | undefined {
  const [, path = ''] = /^postgres(?:ql)?:\/\/[^/]*\/([^?#]*)/.exec(url) ?? []
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
