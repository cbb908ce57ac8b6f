/** Why a decision came out as it did: a stable code and one sentence for people. */
export interface Reason {
  readonly code: ReasonCode
  readonly message: string
}

export const REASON_CODES = [
  'allowed',
  // Invariants: no configuration turns these off.
  'prod_for_agent_or_local',
  'admin_for_agent_local_or_workload',
  'role_not_for_this_class',
  'plan_not_of_this_scope',
  'ttl_out_of_bounds',
  'unknown_class',
  // The scope's own rules.
  'scope_unknown',
  'environment_unknown',
  'environment_not_in_scope',
  'no_rule_for_caller',
  'claim_mismatch',
  'plan_refused',
  'secret_in_parameter',
  'intent_missing',
  // The time.
  'outside_window',
  'frozen',
  // What people have to say, or have said.
  'threshold_refused',
  'approval_required',
  'approval_denied',
  'approval_expired',
  'approval_void',
  'too_many_waiting',
  'approved',
  'break_glass_refused',
  'standing_approval',
  // The scope's limits, and the state of the grant.
  'too_many_live_grants',
  'too_many_grants_today',
  'grant_expired',
  'grant_ended',
  'plan_changed',
] as const

export type ReasonCode = (typeof REASON_CODES)[number]
