import { CredctlError } from '../../errors.ts'
import { quoteRole } from '../../plan/postgres/sql.ts'
import type { Admin, Session } from './admin.ts'
import { codeOf, retryingRaces } from './failure.ts'

const MISSING_ROLE = '42704'
const OBJECTS_DEPEND = '2BP01'
const TERMINATE_MS = 2_000
/** How often objects that appear while we look are removed again before the sweep takes over. */
const TRIES = 3

/**
 * Ends a login: no new sessions (its own commit, so that a crash after it is safe), then no
 * sessions, then no objects in any database, then no role. A missing role is success. Errors:
 * `revocation_incomplete` when it cannot log in any more but something of it is left; the
 * driver's own otherwise.
 */
export async function revokeLogin(admin: Admin, login: string): Promise<void> {
  const oid = await lockOut(admin, login)
  if (oid === undefined) return
  await terminateSessions(admin, oid)
  try {
    await dropRole(admin, login, oid)
  } catch (error) {
    throw await incomplete(admin, login, oid, error)
  }
  // A session that was logging in while the role was locked out shows up only now.
  await terminateSessions(admin, oid)
}

/** Its oid, which outlives the name in `pg_stat_activity`; undefined when there is no such role. */
async function lockOut(admin: Session, login: string): Promise<number | undefined> {
  const role = quoteRole(login)
  const statements = [
    `SELECT oid::int8 AS oid FROM pg_roles WHERE rolname = '${login}'`,
    `ALTER ROLE ${role} NOLOGIN VALID UNTIL 'epoch'`,
  ]
  try {
    const [rows] = await retryingRaces(() => admin.batch(statements.join(';\n')))
    return Number(rows?.[0]?.['oid'])
  } catch (error) {
    if (codeOf(error) === MISSING_ROLE) return undefined
    throw error
  }
}

async function terminateSessions(admin: Session, oid: number): Promise<void> {
  await admin.query(
    'SELECT pg_terminate_backend(pid, $2) FROM pg_stat_activity WHERE usesysid = $1::int8::oid',
    [oid, TERMINATE_MS],
  )
}

async function dropRole(admin: Admin, login: string, oid: number): Promise<void> {
  const role = quoteRole(login)
  for (let tries = 1; ; tries += 1) {
    const databases = await databasesWithObjects(admin, oid)
    if (databases.length > 0) await dropOwned(admin, role, databases)
    try {
      await retryingRaces(() => admin.batch(`DROP ROLE ${role}`))
      return
    } catch (error) {
      if (codeOf(error) === MISSING_ROLE) return
      if (codeOf(error) !== OBJECTS_DEPEND || tries >= TRIES) throw error
      // A last statement of a dying session may have left something: look and terminate again.
      await terminateSessions(admin, oid)
    }
  }
}

async function databasesWithObjects(admin: Session, oid: number): Promise<string[]> {
  const rows = await admin.query(
    `SELECT DISTINCT coalesce(d.datname, current_database()) AS database FROM pg_shdepend s
     LEFT JOIN pg_database d ON d.oid = s.dbid
     WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1::int8::oid`,
    [oid],
  )
  return rows.map((row) => String(row['database']))
}

/**
 * DROP OWNED needs the rights of the role, so the admin becomes a member of it, only now that
 * there is something to drop. It works for one database at a time.
 */
async function dropOwned(admin: Admin, role: string, databases: string[]): Promise<void> {
  await admin.batch(`GRANT ${role} TO CURRENT_USER WITH INHERIT TRUE, SET FALSE`)
  for (const database of databases) {
    await admin.in(database, (session) => session.batch(`DROP OWNED BY ${role}`))
  }
}

async function incomplete(
  admin: Session,
  login: string,
  oid: number,
  cause: unknown,
): Promise<unknown> {
  if (codeOf(cause) !== OBJECTS_DEPEND && codeOf(cause) !== '42501') return cause
  const prepared = await admin.query(
    'SELECT count(*)::int AS count FROM pg_prepared_xacts WHERE owner = $1',
    [login],
  )
  const blocked = Number(prepared[0]?.['count']) > 0
  const hint = blocked
    ? 'a superuser ends its prepared transaction with ROLLBACK PREPARED'
    : `a superuser looks at pg_shdepend for refobjid ${oid}`
  const message = `${login} can no longer log in and has no session, but cannot be dropped yet (${codeOf(cause)})`
  return new CredctlError('revocation_incomplete', message, { hint, cause })
}
