import type { ApproverGroups, PersonClaims } from '../identity/approver-group.ts'
import type { StepUp } from '../identity/step-up.ts'
import type { Threshold } from '../scope/threshold.ts'

/** What the operator decided about approvals, besides the autonomy level of each environment. */
export interface Policy {
  readonly thresholds: readonly Threshold[]
  readonly groups: ApproverGroups
  /** By issuer: the claim that says who a person is, for people with several accounts. */
  readonly samePerson: PersonClaims
  /** By issuer: claims of a requester that an approval is bound to, whatever the scope looks at. */
  readonly boundClaims?: Readonly<Record<string, readonly string[]>>
  /** What the login of whoever approves for prod must be like, whatever the rules say. */
  readonly prodStepUp: StepUp
  /** Who agrees to an emergency, and how long it may last; without it there are none. */
  readonly breakGlass?: BreakGlass | undefined
}

export interface BreakGlass {
  readonly group: string
  /** Longest life of the grant in seconds. */
  readonly ttl: number
}

/** Without a section `approvals`: the autonomy levels alone, and everyone with the role approves. */
export const NO_POLICY: Policy = {
  thresholds: [],
  groups: {},
  samePerson: {},
  prodStepUp: { max_age: 900 },
}
