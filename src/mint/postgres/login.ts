import { z } from 'zod'
import { createLogin, quoteRole } from '../../plan/postgres/sql.ts'
import type { SessionLimits } from '../../scope/access-postgres.ts'
import { checkedVerifier } from '../../secret/scram.ts'
import { startOptions } from './admin.ts'

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
  // What follows the grant is of Vault's making, where Vault makes the login.
  return /^cbg_([0-9a-hjkmnp-tv-z]{26})_[0-9a-z]{8,20}$/.exec(login)?.[1]?.toUpperCase()
}

export interface LoginRequest {
  readonly login: string
  readonly verifier: string
  readonly expiresAt: Date
  readonly connections: number
}

/**
 * Makes a login that can do nothing yet. It is not waited for until it is on disk: the membership
 * that makes it useful is, and comes after it in the write-ahead log.
 */
export function createLoginStatements(request: LoginRequest): string[] {
  const { expiresAt, connections } = request
  const password = checkedVerifier(request.verifier)
  const text = { password, validUntil: expiresAt.toISOString(), connections }
  return ['SET LOCAL synchronous_commit = off', createLogin(quoteRole(request.login), text)]
}

/** What a session starts with unless it says otherwise; the watchdog holds the limits. */
export function sessionDefaults(limits: SessionLimits): string {
  return startOptions({
    statement_timeout: `${limits.statement}s`,
    idle_in_transaction_session_timeout: `${limits.idle_in_transaction}s`,
  })
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
