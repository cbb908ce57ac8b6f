import type { Breach, EndedSession } from '../upkeep.ts'
import type { Row, Session } from './admin.ts'
import { grantOfLogin, LOGINS, limitsOfNote, type WatchedLimits } from './login.ts'

/** For a group role whose comment is not of our making: nothing of ours runs longer than a grant can live. */
const WIDEST: WatchedLimits = {
  statement: 3600,
  transaction: 3600,
  idle_in_transaction: 3600,
  lock_wait: 3600,
}

/** Locks that no SELECT, INSERT, UPDATE or DELETE takes on a table. */
const STRONG = `'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'`

/** Who made a login: the role named by the second parameter, or the one that asks. */
export const MAKER = `(SELECT oid FROM pg_roles WHERE rolname = coalesce($2, current_user))`

/** Locks are read once, not for each session: reading them stops everybody for a moment. */
const SESSIONS = `WITH locks AS MATERIALIZED (SELECT pid, locktype, database, relation, mode, granted, waitstart FROM pg_locks),
  strong AS MATERIALIZED (SELECT l.pid, max(l.mode) AS mode FROM locks l JOIN pg_database b ON b.datname = current_database()
    WHERE l.locktype = 'relation' AND l.mode IN (${STRONG})
      AND (l.database <> b.oid OR EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relation AND c.relpersistence <> 't')) GROUP BY l.pid),
  waiting AS MATERIALIZED (SELECT pid, extract(epoch FROM clock_timestamp() - min(waitstart))::float8 AS seconds
    FROM locks WHERE NOT granted GROUP BY pid),
  blocking AS MATERIALIZED (SELECT blocker AS pid, max(w.seconds) AS seconds
    FROM waiting w, unnest(pg_blocking_pids(w.pid)) blocker WHERE blocker <> w.pid GROUP BY blocker)
  SELECT a.pid, a.usesysid::int8::text AS oid, r.rolname AS login, a.backend_start::text AS started, d.description AS note,
    coalesce(r.rolvaliduntil <= now(), false) AS expired,
    extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction,
    CASE WHEN a.state = 'active' THEN extract(epoch FROM clock_timestamp() - a.query_start)::float8 END AS statement,
    CASE WHEN a.state LIKE 'idle in transaction%' THEN extract(epoch FROM clock_timestamp() - a.state_change)::float8 END AS idle,
    strong.mode, waiting.seconds AS waiting, blocking.seconds AS blocking
  FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
    LEFT JOIN strong ON strong.pid = a.pid LEFT JOIN waiting ON waiting.pid = a.pid LEFT JOIN blocking ON blocking.pid = a.pid
    LEFT JOIN pg_auth_members g ON g.member = r.oid
    LEFT JOIN pg_shdescription d ON d.objoid = g.roleid AND d.classoid = 'pg_authid'::regclass
  WHERE r.rolname LIKE $1 AND a.backend_type = 'client backend' AND EXISTS (SELECT FROM pg_auth_members m
    WHERE m.roleid = r.oid AND m.admin_option AND m.member = ${MAKER})`

/**
 * One round: ends every session of logins that we, or the role `maker`, created and that exceeds a limit of its scope. The session's own
 * settings are only defaults, which it can switch off; this is what holds.
 */
export async function patrol(session: Session, maker?: string): Promise<readonly EndedSession[]> {
  const rows = await session.query(SESSIONS, [LOGINS, maker ?? null])
  const ended: EndedSession[] = []
  for (const row of rows) {
    const breach = breachOf(row)
    if (breach === undefined || !(await terminate(session, row))) continue
    const login = String(row['login'])
    ended.push({ grant: grantOfLogin(login), login, pid: Number(row['pid']), ...breach })
  }
  return ended
}

function breachOf(row: Row): { breach: Breach; detail: string } | undefined {
  if (row['expired'] === true) return { breach: 'expired', detail: 'past the end of its grant' }
  if (typeof row['mode'] === 'string') return { breach: 'lock_mode', detail: row['mode'] }
  const limits = limitsOfNote(String(row['note'])) ?? WIDEST
  const bounds: [Breach, unknown, number][] = [
    ['statement', row['statement'], limits.statement],
    ['transaction', row['transaction'], limits.transaction],
    ['idle_in_transaction', row['idle'], limits.idle_in_transaction],
    ['lock_wait', row['waiting'], limits.lock_wait],
    ['lock_held', row['blocking'], limits.lock_wait],
  ]
  const broken = bounds.find(([, seconds, bound]) => typeof seconds === 'number' && seconds > bound)
  return broken && { breach: broken[0], detail: `${Math.round(Number(broken[1]))} s` }
}

/** By start time too: a process id may already belong to somebody else. */
async function terminate(session: Session, row: Row): Promise<boolean> {
  const ended = await session.query(
    `SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
     WHERE pid = $1 AND usesysid = $2::oid AND backend_start = $3::timestamptz`,
    [row['pid'], row['oid'], row['started']],
  )
  return ended.length > 0
}
