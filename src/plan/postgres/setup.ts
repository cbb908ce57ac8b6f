import type { PostgresPlan } from './plan.ts'
import { grantStatements, quoteIdentifier, quoteLiteral, quoteRole } from './sql.ts'

export interface BrokerSetup {
  /** The broker's own role. */
  readonly admin: string
  /** Every database of the server that has a target, and those it must clean after a login. */
  readonly databases: readonly string[]
  /** A SCRAM-SHA-256 verifier; without it the role has no password yet. */
  readonly verifier?: string
}

/**
 * The second role of the broker, which gives group roles to logins. PostgreSQL looks through every
 * role that a role administers before it lets it grant one: the admin administers every login that
 * is alive, this one only the group roles, so that minting does not slow down with their number.
 */
export function granterRole(admin: string): string {
  return `${admin}_grants`
}

/**
 * Makes the broker's admin and its second role: CREATEROLE and nothing more. Run once by a
 * superuser, or by the master user of a managed service. Can be run again.
 */
export function brokerSetupSql({ admin, databases, verifier }: BrokerSetup): string[] {
  const role = quoteIdentifier(admin)
  const granter = quoteIdentifier(granterRole(admin))
  const password = verifier === undefined ? '' : ` PASSWORD ${quoteLiteral(verifier)}`
  return [
    createUnlessThere(admin),
    createUnlessThere(granterRole(admin)),
    `ALTER ROLE ${role} LOGIN CREATEROLE NOCREATEDB INHERIT${password}`,
    `ALTER ROLE ${granter} NOLOGIN CREATEROLE NOCREATEDB INHERIT`,
    `GRANT ${granter} TO ${role} WITH INHERIT FALSE, SET TRUE`,
    ...databases.flatMap((database) => [
      `GRANT CONNECT ON DATABASE ${quoteIdentifier(database)} TO ${role}`,
      `GRANT CONNECT ON DATABASE ${quoteIdentifier(database)} TO ${granter} WITH GRANT OPTION`,
    ]),
    // Ends a session whose login is already dropped.
    `GRANT pg_signal_backend TO ${role}`,
    // Without it the watchdog sees no start times.
    `GRANT pg_read_all_stats TO ${role}`,
  ]
}

function createUnlessThere(name: string): string {
  const there = `SELECT FROM pg_catalog.pg_roles WHERE rolname = ${quoteLiteral(name)}`
  return `DO $do$ BEGIN IF NOT EXISTS (${there}) THEN CREATE ROLE ${quoteIdentifier(name)}; END IF; END $do$`
}

/**
 * What the owner of the tables runs once for target mode `delegated`: the broker may pass on
 * exactly the privileges of this plan, and holds them itself from then on.
 */
export function delegationSql(admin: string, plan: PostgresPlan): string[] {
  const role = quoteIdentifier(granterRole(admin))
  return grantStatements(plan)
    .filter((grant) => !grant.startsWith('CONNECT '))
    .map((grant) => `GRANT ${grant} TO ${role} WITH GRANT OPTION`)
}

/**
 * What a DBA or CI runs for target mode `applied`: the group role of this plan, which the broker
 * may give to logins but neither use nor change.
 */
export function applySql(admin: string, plan: PostgresPlan): string[] {
  return groupGivenBy(granterRole(admin), plan)
}

/** The same where Vault makes the logins: its own role in the database gives the group role. */
export function vaultApplySql(vaultUser: string, plan: PostgresPlan): string[] {
  return groupGivenBy(vaultUser, plan)
}

function groupGivenBy(giver: string, plan: PostgresPlan): string[] {
  const membership = 'WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'
  const { statements, groupRole } = plan
  return [...statements, `GRANT ${quoteRole(groupRole)} TO ${quoteIdentifier(giver)} ${membership}`]
}

/**
 * Makes the role that Vault uses in these databases: CREATEROLE and nothing more, because whoever
 * writes roles in Vault runs SQL as it. Logins may connect where their group role says and nowhere
 * else: Vault cleans up in one database only. Can be run again.
 */
export function vaultSetupSql(vaultUser: string, databases: readonly string[]): string[] {
  const role = quoteIdentifier(vaultUser)
  return [
    createUnlessThere(vaultUser),
    `ALTER ROLE ${role} LOGIN CREATEROLE NOCREATEDB INHERIT`,
    ...databases.flatMap((database) => [
      `REVOKE CONNECT ON DATABASE ${quoteIdentifier(database)} FROM PUBLIC`,
      `GRANT CONNECT ON DATABASE ${quoteIdentifier(database)} TO ${role}`,
    ]),
  ]
}

/** After hardening: Vault ends logins with a DO block. */
export function vaultAfterHardeningSql(vaultUser: string): string[] {
  return [`GRANT USAGE ON LANGUAGE plpgsql TO ${quoteIdentifier(vaultUser)}`]
}
