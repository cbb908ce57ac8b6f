import type { Ask, Circumstances } from '../decision/evaluate.ts'
import type { Guard } from '../ledger/ledger.ts'

/** The use that a request counts to. */
export function placeOf({ scope, environment }: Ask): string {
  return JSON.stringify([scope, environment])
}

/** The scope's limits once more, checked by the database as the entry becomes durable. */
export function usageGuard(ask: Ask, { found }: Circumstances): Guard {
  const limits = found?.scope.limits ?? {}
  if (limits.live_grants === undefined && limits.grants_per_day === undefined) return {}
  return {
    usage: {
      scope: ask.scope,
      environment: ask.environment,
      ...(limits.live_grants === undefined ? {} : { liveGrants: limits.live_grants }),
      ...(limits.grants_per_day === undefined ? {} : { grantsPerDay: limits.grants_per_day }),
    },
  }
}
