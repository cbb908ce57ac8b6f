import { quoteIdentifier, quoteQualified, quoteRole } from '../../plan/postgres/sql.ts'
import type { Collected } from '../upkeep.ts'
import type { Admin, Row, Session } from './admin.ts'
import { codeOf } from './failure.ts'

/** Group roles that the broker may administer and whose privileges all lie in this database. */
const UNUSED = `SELECT r.rolname AS "group" FROM pg_roles r
  WHERE r.rolname LIKE 'cbs\\_%' AND NOT r.rolcanlogin AND r.rolname <> ALL ($1)
    AND EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.admin_option AND m.member = current_user::regrole)
    AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.member <> current_user::regrole)
    AND NOT EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
      AND s.dbid NOT IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
  ORDER BY r.rolname`

/** Drops group roles without members, except those to keep: of plans that are still in force. */
export async function collectGroups(admin: Admin, keep: readonly string[]): Promise<Collected> {
  const rows = await admin.query(UNUSED, [keep])
  const [here] = await admin.query('SELECT current_database() AS database')
  const dropped: string[] = []
  const left: { group: string; code: string }[] = []
  for (const row of rows) {
    const group = String(row['group'])
    try {
      await admin.in(String(here?.['database']), (session) => dropGroup(session, group))
      dropped.push(group)
    } catch (error) {
      left.push({ group, code: codeOf(error) })
    }
  }
  return { dropped, left }
}

/**
 * DROP ROLE of a group with members succeeds without a word and cuts off live logins. Granting it
 * first, to ourselves and without effect, takes the lock that a mint's GRANT takes too: whoever
 * comes first, the members counted afterwards are all there are. A mint that comes second fails,
 * and the next one creates the role again.
 */
async function dropGroup(session: Session, group: string): Promise<void> {
  const role = quoteRole(group)
  await session.batch(`BEGIN; GRANT ${role} TO CURRENT_USER WITH INHERIT FALSE, SET FALSE`)
  const members = await session.query(
    `SELECT FROM pg_auth_members m WHERE m.roleid = $1::regrole AND m.member <> current_user::regrole`,
    [role],
  )
  if (members.length > 0) throw new MembersAppeared()
  const held = await session.query(HELD, [group])
  await session.batch(
    [...held.map((row) => revocation(row, role)), `DROP ROLE ${role}`, 'COMMIT'].join('; '),
  )
}

/** Leaving the connection rolls back. */
class MembersAppeared extends Error {
  readonly code = 'in_use'
}

const HELD = `SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, n.nspname AS schema, c.relname AS name
    FROM pg_shdepend s JOIN pg_class c ON c.oid = s.objid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE s.classid = 'pg_class'::regclass AND s.dbid <> 0 AND s.refclassid = 'pg_authid'::regclass
      AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1) GROUP BY 1, 2, 3
  UNION ALL SELECT 'SCHEMA', NULL, n.nspname FROM pg_namespace n, aclexplode(n.nspacl) x
    WHERE x.grantee = (SELECT oid FROM pg_roles WHERE rolname = $1)
  UNION ALL SELECT 'DATABASE', NULL, d.datname FROM pg_database d, aclexplode(d.datacl) x
    WHERE x.grantee = (SELECT oid FROM pg_roles WHERE rolname = $1)`

function revocation(row: Row, role: string): string {
  const [schema, name] = [row['schema'], String(row['name'])]
  const object = typeof schema === 'string' ? quoteQualified(schema, name) : quoteIdentifier(name)
  return `REVOKE ALL ON ${String(row['kind'])} ${object} FROM ${role}`
}
