import { setTimeout as pause } from 'node:timers/promises'
import { CredctlError } from '../../errors.ts'
import { quoteLiteral, quoteRole } from '../../plan/postgres/sql.ts'
import type { Admin, Session } from './admin.ts'
import { codeOf, retryingRaces } from './failure.ts'

const MISSING_ROLE = '42704'
const OBJECTS_DEPEND = '2BP01'
/** How long a session may take to die before the sweep is left to try again. */
const TERMINATE_MS = 5_000
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
  try {
    await terminateSessions(admin, oid)
    await dropRole(admin, login, oid)
    // A session that was logging in while the role was locked out shows up only now.
    await terminateSessions(admin, oid)
  } catch (error) {
    throw await incomplete(admin, login, oid, error)
  }
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

/** Until the server shows none; it takes a session some milliseconds to die. */
async function terminateSessions(admin: Session, oid: number): Promise<void> {
  const deadline = performance.now() + TERMINATE_MS
  for (let wait = 2; ; wait = Math.min(wait * 2, 100)) {
    const alive = await admin.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = $1::int8::oid',
      [oid],
    )
    if (alive.length === 0) return
    if (performance.now() > deadline) throw new SessionsRemain(alive.length)
    await pause(wait)
  }
}

/** A session that does not react: in a call that cannot be interrupted, or a frozen process. */
class SessionsRemain extends Error {
  readonly code = 'sessions'

  constructor(count: number) {
    super(`${count} sessions have not ended yet`)
  }
}

async function dropRole(admin: Admin, login: string, oid: number): Promise<void> {
  const role = quoteRole(login)
  for (let tries = 1; ; tries += 1) {
    await removeTraces(admin, login, oid)
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

/** What a login left in one database. */
interface Trace {
  readonly database: string
  /** Of a prepared transaction; otherwise it is objects or privileges. */
  readonly transaction: string | undefined
}

/**
 * Removing them needs the rights of the role, so the admin becomes a member of it, only now that
 * there is something to remove. Both statements work in the database of the trace only.
 */
async function removeTraces(admin: Admin, login: string, oid: number): Promise<void> {
  const traces = await tracesOf(admin, login, oid)
  if (traces.length === 0) return
  const role = quoteRole(login)
  await admin.batch(`GRANT ${role} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`)
  for (const { database, transaction } of traces) {
    await admin.in(database, async (session) => {
      if (transaction === undefined) return await session.batch(`DROP OWNED BY ${role}`)
      // Only the role that prepared it may roll it back, and not inside a transaction.
      await session.batch(`SET ROLE ${role}`)
      return await session.batch(`ROLLBACK PREPARED ${quoteLiteral(transaction)}`)
    })
  }
}

/** Prepared transactions first: they hold locks that dropping objects would wait for. */
async function tracesOf(admin: Session, login: string, oid: number): Promise<Trace[]> {
  const rows = await admin.query(
    `SELECT database::text, gid AS transaction FROM pg_prepared_xacts WHERE owner = $2
     UNION ALL SELECT DISTINCT coalesce(d.datname, current_database())::text, NULL FROM pg_shdepend s
     LEFT JOIN pg_database d ON d.oid = s.dbid
     WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1::int8::oid`,
    [oid, login],
  )
  return rows.map(({ database, transaction }) => ({
    database: String(database),
    transaction: typeof transaction === 'string' ? transaction : undefined,
  }))
}

async function incomplete(
  admin: Session,
  login: string,
  oid: number,
  cause: unknown,
): Promise<unknown> {
  const code = codeOf(cause)
  if (code !== OBJECTS_DEPEND && code !== '42501' && code !== 'sessions') return cause
  const left = new Set((await tracesOf(admin, login, oid)).map(({ database }) => database))
  const where = left.size === 0 ? 'a session' : `objects in ${[...left].join(', ')}`
  const message = `${login} can no longer log in, but ${where} could not be removed (${code})`
  const hint = 'the broker needs CONNECT there; otherwise a superuser runs DROP OWNED BY this role'
  return new CredctlError('revocation_incomplete', message, { hint, cause })
}
