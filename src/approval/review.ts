import { type Evaluation, evaluate } from '../decision/evaluate.ts'
import type { Reason } from '../decision/reason.ts'
import type { Usage } from '../decision/request.ts'
import type { Caller } from '../identity/caller.ts'
import type { EntryCaller } from '../ledger/entry.ts'
import type { ApprovalState } from '../ledger/ledger.ts'
import { type ApprovalParts, evidenceOf, passes } from './approval.ts'

const NO_USAGE: Usage = { liveGrants: 0, grantsLastDay: 0 }

/** How a request that waits would be decided now, by what people have said so far. */
export function review(parts: ApprovalParts, state: ApprovalState, now: Date): Evaluation {
  return evaluate(
    { ...state },
    {
      grantId: state.id,
      caller: callerOf(state.caller),
      found: parts.catalog().scopes.get(state.scope),
      environment: parts.environments.get(state.environment),
      usage: NO_USAGE,
      policy: parts.policy,
      approval: evidenceOf(state),
      issuedAt: now,
      now,
    },
  )
}

/**
 * Why nothing can come of a request any more, although nobody denied it; undefined when something
 * can. What passes by itself (limits, windows) does not void what people agreed to.
 */
export function voidReasons(
  { decision }: Pick<Evaluation, 'decision'>,
  state: ApprovalState,
): readonly Reason[] | undefined {
  if (decision.outcome === 'allow') return undefined
  if (decision.outcome === 'needs_approval') {
    const changed = decision.binding !== state.asked.binding
    return changed || state.status === 'approved' ? decision.reasons : undefined
  }
  const denied = decision.reasons.some(({ code }) => code === 'approval_denied')
  return denied || passes(decision.reasons) ? undefined : decision.reasons
}

/** Roles are not needed to ask and are not recorded, so none come back. */
export function callerOf(recorded: EntryCaller): Caller {
  return { ...recorded, roles: [] }
}
