import type { Digest } from '../canonical.ts'
import type { Caller } from '../identity/caller.ts'
import type { Plan } from '../plan/plan.ts'
import { invariantBreaches } from './invariants.ts'
import { limitBreaches } from './limits.ts'
import type { Reason } from './reason.ts'
import type { DecisionRequest } from './request.ts'
import { ruleBreaches } from './rules.ts'

/** `allow` carries the only thing that minting accepts; `deny` is data, not an exception. */
export type Decision =
  | { readonly outcome: 'allow'; readonly grant: Grant; readonly reasons: readonly Reason[] }
  | { readonly outcome: 'deny'; readonly reasons: readonly Reason[] }

/**
 * One caller's permission to use one scope in one environment until a time. The private field
 * makes the type nominal and the class stays in this file: code that mints without a decision does
 * not compile.
 */
class AllowedGrant {
  readonly #decided = true
  readonly id: string
  readonly caller: Caller
  readonly scopeDigest: Digest
  readonly plan: Plan
  readonly intent: string
  readonly issuedAt: Date
  readonly expiresAt: Date

  constructor(request: DecisionRequest) {
    this.id = request.grantId
    this.caller = request.caller
    this.scopeDigest = request.scopeDigest
    this.plan = request.plan
    this.intent = request.intent
    this.issuedAt = request.issuedAt
    this.expiresAt = new Date(request.issuedAt.getTime() + request.plan.ttlSeconds * 1000)
    Object.freeze(this)
  }

  /** True of every grant; what reads it proves at run time that `decide` made the object. */
  static isDecided(value: object): boolean {
    return #decided in value && value.#decided
  }
}

export type Grant = AllowedGrant

/** The run-time half of "minting accepts only what `decide` allowed". */
export function isDecided(grant: object): grant is Grant {
  return AllowedGrant.isDecided(grant)
}

/**
 * May this caller have this plan now? Pure. Invariants are looked at first and always all of
 * them, then the scope's own rules, then its limits; a denial lists every reason of the first
 * group that has one, so that a caller never learns about limits of a scope it may not take.
 */
export function decide(request: DecisionRequest): Decision {
  for (const breaches of [invariantBreaches, ruleBreaches, limitBreaches]) {
    const reasons = breaches(request)
    if (reasons.length > 0) return { outcome: 'deny', reasons }
  }
  return {
    outcome: 'allow',
    grant: new AllowedGrant(request),
    reasons: [{ code: 'allowed', message: allowedMessage(request) }],
  }
}

function allowedMessage({ caller, scope, environment }: DecisionRequest): string {
  return `${caller.class} caller matches a rule of ${scope.name}, which lists ${environment.name}`
}
