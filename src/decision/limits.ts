import type { Reason } from './reason.ts'
import type { DecisionRequest } from './request.ts'

/** The scope's limits, and the end of the grant's own life. */
export function limitBreaches(request: DecisionRequest): Reason[] {
  const { scope, usage, issuedAt, notAfter, now, plan } = request
  const { live_grants: live, grants_per_day: perDay } = scope.limits
  const reasons: Reason[] = []
  if (live !== undefined && usage.liveGrants >= live) {
    const message = `scope ${scope.name} already has ${usage.liveGrants} of ${live} live grants in ${request.environment.name}`
    reasons.push({ code: 'too_many_live_grants', message })
  }
  if (perDay !== undefined && usage.grantsLastDay >= perDay) {
    const message = `scope ${scope.name} was granted ${usage.grantsLastDay} of ${perDay} times in the last 24 hours`
    reasons.push({ code: 'too_many_grants_today', message })
  }
  const expires = issuedAt.getTime() + plan.ttlSeconds * 1000
  if (now.getTime() >= Math.min(expires, notAfter?.getTime() ?? expires)) {
    reasons.push({ code: 'grant_expired', message: 'the grant has expired' })
  }
  return reasons
}
