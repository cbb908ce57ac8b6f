import type { Acceptance, GrantsMode } from '../../environment/target-postgres.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import type { Session } from './admin.ts'
import { CHECKS, DELEGATION } from './checks/catalogue.ts'
import { checkSql, findingOf } from './checks/check.ts'
import { type Finding, judge } from './finding.ts'
import { subjectSql } from './subject.ts'

/**
 * Asks the live server what a member of the plan's group role could do, and gives everything that
 * is more or less than the plan says. One round trip and one snapshot. While the group role does
 * not exist, the answer is about what everybody can do.
 */
export async function preflight(
  session: Session,
  plan: PostgresPlan,
  acceptances: readonly Acceptance[],
  grants: GrantsMode,
): Promise<readonly Finding[]> {
  const exists = await groupExists(session, plan.groupRole)
  const subject = subjectSql(plan, exists ? plan.groupRole : 'public')
  const checks = !exists && grants === 'delegated' ? [...CHECKS, DELEGATION] : CHECKS
  const results = await session.batch(
    [
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
      ...checks.map((check) => checkSql(check, subject)),
      'COMMIT',
    ].join(';\n'),
  )
  const found = checks.flatMap((check, index) =>
    (results[index + 1] ?? []).map((row) => findingOf(check, row)),
  )
  const absent = exists || grants === 'delegated' ? [] : [notApplied(plan)]
  return judge([...absent, ...found], acceptances)
}

function notApplied({ groupRole }: PostgresPlan): Finding {
  const message = `group role ${groupRole} does not exist: a DBA or CI runs \`credctl postgres apply\``
  return { finding: 'group_role', object: groupRole, message, status: 'blocks' }
}

export async function groupExists(session: Session, group: string): Promise<boolean> {
  const rows = await session.query('SELECT FROM pg_roles WHERE rolname = $1', [group])
  return rows.length > 0
}
