import type { Acceptance } from '../../environment/target-postgres.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import type { Session } from './admin.ts'
import { CHECKS } from './checks/catalogue.ts'
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
): Promise<readonly Finding[]> {
  const role = (await groupExists(session, plan.groupRole)) ? plan.groupRole : 'public'
  const subject = subjectSql(plan, role)
  const results = await session.batch(
    [
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
      ...CHECKS.map((check) => checkSql(check, subject)),
      'COMMIT',
    ].join(';\n'),
  )
  const found = CHECKS.flatMap((check, index) =>
    (results[index + 1] ?? []).map((row) => findingOf(check, row)),
  )
  return judge(found, acceptances)
}

export async function groupExists(session: Session, group: string): Promise<boolean> {
  const rows = await session.query('SELECT FROM pg_roles WHERE rolname = $1', [group])
  return rows.length > 0
}
