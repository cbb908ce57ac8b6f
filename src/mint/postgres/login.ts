import { z } from 'zod'
import { quoteRole } from '../../plan/postgres/sql.ts'
import type { SessionLimits } from '../../scope/access-postgres.ts'
import { checkedVerifier } from '../../secret/scram.ts'

/** Every login of ours, as a pattern for SQL's LIKE. */
export const LOGINS = 'cbg\\_%'

/**
 * `cbg_` + the grant + the end of the credential's id, in lower case: what `%u` in the server's
 * log, `pg_stat_activity` and pgaudit say names the grant.
 */
export function loginName(grantId: string, credentialId: string): string {
  const name = `cbg_${grantId}_${credentialId.slice(-10)}`.toLowerCase()
  quoteRole(name)
  return name
}

/** The grant a login is for, or undefined when the name is not of our making. */
export function grantOfLogin(login: string): string | undefined {
  return /^cbg_([0-9a-hjkmnp-tv-z]{26})_[0-9a-hjkmnp-tv-z]{10}$/.exec(login)?.[1]?.toUpperCase()
}

export interface LoginRequest {
  readonly login: string
  readonly group: string
  readonly verifier: string
  readonly expiresAt: Date
  readonly limits: SessionLimits
}

/**
 * The statements that make a login: few, because for each one after the first the server looks
 * through every role that the admin has made and not yet dropped. The timeouts are only defaults,
 * which a session can switch off; the watchdog holds the limits. The membership comes last: it locks the group role until the
 * commit, and everything before it can run beside other mints. Never `IN ROLE`, which leaves
 * SET TRUE: a session that ran SET ROLE keeps its rights after the login is dropped.
 */
export function createLoginStatements(request: LoginRequest): string[] {
  const login = quoteRole(request.login)
  const { limits } = request
  const defaults = {
    statement_timeout: limits.statement,
    idle_in_transaction_session_timeout: limits.idle_in_transaction,
  }
  return [
    `CREATE ROLE ${login} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT CONNECTION LIMIT ${limits.connections} PASSWORD '${checkedVerifier(request.verifier)}' VALID UNTIL '${request.expiresAt.toISOString()}'`,
    ...Object.entries(defaults).map(
      ([name, seconds]) => `ALTER ROLE ${login} SET ${name} = '${seconds}s'`,
    ),
    `GRANT ${quoteRole(request.group)} TO ${login} WITH INHERIT TRUE, SET FALSE`,
  ]
}

const note = z.object({
  statement: z.int().positive(),
  transaction: z.int().positive(),
  idle_in_transaction: z.int().positive(),
  lock_wait: z.int().positive(),
})

/** The limits the watchdog holds a login to, in seconds: see `limitsNote`. */
export type WatchedLimits = z.infer<typeof note>

/** Undefined when the comment is not of our making. */
export function limitsOfNote(text: string): WatchedLimits | undefined {
  try {
    return note.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
