import type { Digest } from '../canonical.ts'
import type { Environment } from '../environment/environment.ts'
import type { Caller } from '../identity/caller.ts'
import type { Plan } from '../plan/plan.ts'
import type { Scope } from '../scope/scope.ts'

/** Grants of one scope in one environment, all callers together. */
export interface Usage {
  readonly liveGrants: number
  /** Grants issued in the 24 hours before now. */
  readonly grantsLastDay: number
}

/** A request for one scope in one environment, with everything that bears on the answer. */
export interface DecisionRequest {
  readonly grantId: string
  readonly caller: Caller
  readonly scope: Scope
  readonly scopeDigest: Digest
  readonly environment: Environment
  readonly plan: Plan
  readonly intent: string
  /** What the scope already gives in this environment, the grant asked about left out. */
  readonly usage: Usage
  readonly issuedAt: Date
  readonly now: Date
}
