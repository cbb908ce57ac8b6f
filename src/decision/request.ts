import type { Digest } from '../canonical.ts'
import type { Environment } from '../environment/environment.ts'
import type { Caller } from '../identity/caller.ts'
import type { Plan } from '../plan/plan.ts'
import type { Scope } from '../scope/scope.ts'
import type { Evidence } from './approval.ts'
import type { Policy } from './policy.ts'

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
  /** The caller says that this is an emergency. */
  readonly breakGlass?: boolean
  /** What the scope already gives in this environment, the grant asked about left out. */
  readonly usage: Usage
  /** The operator's thresholds and approvers; without them the autonomy level decides alone. */
  readonly policy?: Policy | undefined
  /** What people said about this very request. */
  readonly approval?: Evidence | undefined
  readonly issuedAt: Date
  /** Until when the grant was said to live, when it exists already: it never lives longer. */
  readonly notAfter?: Date
  readonly now: Date
}
