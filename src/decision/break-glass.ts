import { NO_POLICY } from './policy.ts'
import type { Reason } from './reason.ts'
import type { DecisionRequest } from './request.ts'

/**
 * An emergency takes two people: the one who asks and another who agrees. It lifts windows, freezes
 * and rules that refuse; it lifts no invariant, no rule of the scope about callers, and no limit.
 */
export function breakGlassBreaches(request: DecisionRequest): Reason[] {
  const { breakGlass, caller, policy = NO_POLICY } = request
  if (breakGlass !== true) return []
  const refused = (message: string): Reason[] => [{ code: 'break_glass_refused', message }]
  if (caller.class !== 'human' || caller.actor !== undefined) {
    return refused(`class ${caller.class} has no emergencies: a person asks for themselves`)
  }
  return policy.breakGlass === undefined ? refused('emergencies are not configured here') : []
}

/** The last instant of a grant that was given in an emergency, in ms since the epoch. */
export function breakGlassEnd({
  breakGlass,
  issuedAt,
  policy,
}: DecisionRequest): number | undefined {
  const ttl = policy?.breakGlass?.ttl
  return breakGlass !== true || ttl === undefined ? undefined : issuedAt.getTime() + ttl * 1000
}
