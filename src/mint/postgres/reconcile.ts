import type { FoundLogin, LedgerView, LedgerWord, Reconciled } from '../upkeep.ts'
import type { Admin, Session } from './admin.ts'
import { codeOf } from './failure.ts'
import { LOGINS } from './login.ts'
import { revokeLogin } from './revoke.ts'
import { MAKER } from './watchdog.ts'

/** How many one round ends, so that a restart after a long outage is no storm. */
const BATCH = 50

/** Logins of ours; those that the role `maker` made, when it is not the one that asks. */
export async function listLogins(session: Session, maker?: string): Promise<readonly FoundLogin[]> {
  const rows = await session.query(
    `SELECT r.rolname AS login, r.rolcanlogin AS can_login,
       CASE WHEN isfinite(r.rolvaliduntil) THEN extract(epoch FROM r.rolvaliduntil)::float8 * 1000 END AS expires,
       (SELECT count(*)::int FROM pg_stat_activity a WHERE a.usesysid = r.oid) AS sessions,
       EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.admin_option
         AND m.member = ${MAKER}) AS ours
     FROM pg_roles r WHERE r.rolname LIKE $1 ORDER BY r.rolname`,
    [LOGINS, maker ?? null],
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
  const { over, ...rest } = await compare(await listLogins(admin), ledger)
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
  return { dropped, failed, ...rest }
}

/** What is at a server against what the ledger says of it. */
export async function compare(found: readonly FoundLogin[], ledger: LedgerView) {
  const words = new Map<FoundLogin, LedgerWord>()
  for (const login of found) words.set(login, await ledger.word(login.login))
  const over = found.filter((login) => isOver(login, words.get(login) ?? 'unknown', ledger.now))
  const present = new Set(found.map(({ login }) => login))
  return {
    over,
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
