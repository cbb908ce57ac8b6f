import type { GrantsMode } from '../../environment/target-postgres.ts'
import { CredctlError } from '../../errors.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import type { Session } from './admin.ts'
import { codeOf, retryingRaces } from './failure.ts'
import { groupExists } from './preflight.ts'

/** Two brokers created the same group role at the same time: one of them finds it there. */
const CREATED_MEANWHILE = new Set(['42710', '23505'])

/**
 * Makes sure that the group role of a plan exists. It is created once, with its privileges, in one
 * transaction, and never changed afterwards: whether an existing one still holds exactly the plan
 * is the preflight's question, and the answer to "no" is a refusal.
 */
export async function ensureGroupRole(
  session: Session,
  plan: PostgresPlan,
  grants: GrantsMode,
): Promise<void> {
  if (await groupExists(session, plan.groupRole)) return
  if (grants === 'applied') {
    throw new CredctlError(
      'target_refused',
      `group role ${plan.groupRole} does not exist in database ${plan.database}`,
      { hint: 'a DBA or CI runs `credctl postgres apply` for this scope and environment' },
    )
  }
  try {
    await retryingRaces(() => session.batch(plan.statements.join(';\n')))
  } catch (error) {
    if (!CREATED_MEANWHILE.has(codeOf(error))) throw error
  }
}
