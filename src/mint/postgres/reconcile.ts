import type { Admin, Session } from './admin.ts'
import { codeOf } from './failure.ts'
import { LOGINS } from './login.ts'
import { revokeLogin } from './revoke.ts'

/** A login on the server whose name is of our making. */
export interface FoundLogin {
  readonly login: string
  /** Undefined when it never expires, which no login of ours does. */
  readonly expiresAt: Date | undefined
  readonly canLogin: boolean
  readonly sessions: number
  /** The server itself records that the broker's admin created it. */
  readonly ours: boolean
}

/** What the ledger says of a login: its credential may still be used, is over, or never was. */
export type LedgerWord = 'open' | 'finished' | 'unknown'

export interface Reconciled {
  /** Ended now: over according to the ledger, or unknown to it and expired. */
  readonly dropped: readonly string[]
  /** Unknown to the ledger and not expired: an older ledger was restored, or another broker's. */
  readonly unknown: readonly FoundLogin[]
  /** Expected by the ledger but not on the server. */
  readonly missing: readonly string[]
  /** To be ended, but it did not work this time. */
  readonly failed: readonly { readonly login: string; readonly code: string }[]
}

export interface LedgerView {
  readonly now: Date
  /** Logins of credentials that the ledger takes for usable. */
  readonly expected: readonly string[]
  word(login: string): Promise<LedgerWord>
}

/** How many one round ends, so that a restart after a long outage is no storm. */
const BATCH = 50

export async function listLogins(session: Session): Promise<readonly FoundLogin[]> {
  const rows = await session.query(
    `SELECT r.rolname AS login, r.rolcanlogin AS can_login,
       CASE WHEN isfinite(r.rolvaliduntil) THEN extract(epoch FROM r.rolvaliduntil)::float8 * 1000 END AS expires,
       (SELECT count(*)::int FROM pg_stat_activity a WHERE a.usesysid = r.oid) AS sessions,
       EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.admin_option
         AND m.member = (SELECT oid FROM pg_roles WHERE rolname = current_user)) AS ours
     FROM pg_roles r WHERE r.rolname LIKE $1 ORDER BY r.rolname`,
    [LOGINS],
  )
  return rows.map((row) => ({
    login: String(row['login']),
    expiresAt: typeof row['expires'] === 'number' ? new Date(row['expires']) : undefined,
    canLogin: row['can_login'] === true,
    sessions: Number(row['sessions']),
    ours: row['ours'] === true,
  }))
}

/**
 * Compares the logins of a server with the ledger. The server is read first: an entry always
 * precedes its login, so a login that the ledger does not know then is not one being made.
 */
export async function reconcile(admin: Admin, ledger: LedgerView): Promise<Reconciled> {
  const found = await listLogins(admin)
  const words = new Map<FoundLogin, LedgerWord>()
  for (const login of found) words.set(login, await ledger.word(login.login))
  const over = found.filter((login) => isOver(login, words.get(login) ?? 'unknown', ledger.now))
  const dropped: string[] = []
  const failed: { login: string; code: string }[] = []
  for (const { login } of over.slice(0, BATCH)) {
    try {
      await revokeLogin(admin, login)
      dropped.push(login)
    } catch (error) {
      failed.push({ login, code: codeOf(error) })
    }
  }
  const present = new Set(found.map(({ login }) => login))
  return {
    dropped,
    failed,
    unknown: found.filter((login) => words.get(login) === 'unknown' && !over.includes(login)),
    missing: ledger.expected.filter((login) => !present.has(login)),
  }
}

/** Nothing is dropped that the server does not prove to be of our making. */
function isOver({ ours, expiresAt, canLogin }: FoundLogin, word: LedgerWord, now: Date): boolean {
  if (!ours || word === 'open') return false
  const expired = expiresAt !== undefined && expiresAt.getTime() <= now.getTime()
  return word === 'finished' || expired || !canLogin
}
