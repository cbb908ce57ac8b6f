import type { Digest } from '../canonical.ts'
import type { Caller } from '../identity/caller.ts'
import type { Plan } from '../plan/plan.ts'
import { bindingOf, countingVerdicts, type Evidence, needsText, unmetNeeds } from './approval.ts'
import { breakGlassBreaches, breakGlassEnd } from './break-glass.ts'
import { invariantBreaches } from './invariants.ts'
import { limitBreaches } from './limits.ts'
import type { Reason } from './reason.ts'
import type { DecisionRequest } from './request.ts'
import { ruleBreaches } from './rules.ts'
import { type Requirement, thresholdsOf } from './thresholds.ts'
import { closesAt, windowBreaches } from './windows/windows.ts'

/** `allow` carries the only thing that minting accepts; `deny` is data, not an exception. */
export type Decision =
  | { readonly outcome: 'allow'; readonly grant: Grant; readonly reasons: readonly Reason[] }
  | { readonly outcome: 'deny'; readonly reasons: readonly Reason[] }
  | NeedsApproval

/** People must agree first. It carries no grant: approved is not allowed until decided again. */
export interface NeedsApproval {
  readonly outcome: 'needs_approval'
  readonly requirement: Requirement
  /** What an approval is bound to: see `bindingOf`. */
  readonly binding: Digest
  /** What the approvals given so far leave open. */
  readonly unmet: Requirement['needs']
  readonly reasons: readonly Reason[]
}

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
    this.expiresAt = expiryOf(request)
    Object.freeze(this)
  }

  /** True of every grant; what reads it proves at run time that `decide` made the object. */
  static isDecided(value: object): boolean {
    return #decided in value && value.#decided
  }
}

export type Grant = AllowedGrant

/**
 * The scope's TTL, cut short by the close of a window, by the end of the approval it rests on, and
 * by what was promised before.
 */
function expiryOf(request: DecisionRequest): Date {
  const { issuedAt, plan, notAfter, approval } = request
  const ends = [
    issuedAt.getTime() + plan.ttlSeconds * 1000,
    request.breakGlass === true ? breakGlassEnd(request) : closesAt(request),
    approval?.expires.getTime(),
    notAfter?.getTime(),
  ]
  return new Date(Math.min(...ends.filter((end) => end !== undefined)))
}

/** The run-time half of "minting accepts only what `decide` allowed". */
export function isDecided(grant: object): grant is Grant {
  return AllowedGrant.isDecided(grant)
}

/** In the order in which they are looked at; each gives every reason it has. */
const REFUSALS = [
  invariantBreaches,
  ruleBreaches,
  breakGlassBreaches,
  limitBreaches,
  (request: DecisionRequest) => (request.breakGlass === true ? [] : windowBreaches(request)),
]

/**
 * May this caller have this plan now? Pure. Invariants are looked at first and always all of
 * them, then the scope's own rules, its limits, its windows, and what thresholds refuse; a denial lists
 * every reason of the first group that has one, so that a caller never learns about limits of a
 * scope it may not take. Only then does it matter whether people agreed: no approval lifts a denial.
 */
export function decide(request: DecisionRequest): Decision {
  for (const breaches of REFUSALS) {
    const reasons = breaches(request)
    if (reasons.length > 0) return { outcome: 'deny', reasons }
  }
  const { refusals, requirement, standing } = thresholdsOf(request)
  if (refusals.length > 0) return { outcome: 'deny', reasons: refusals }
  const people = wordOfPeople(request, requirement)
  if (people.outcome !== 'agreed') return people
  const reasons: Reason[] = [{ code: 'allowed', message: allowedMessage(request) }]
  return {
    outcome: 'allow',
    grant: new AllowedGrant(request),
    reasons: [...reasons, ...standing, ...people.reasons],
  }
}

type WordOfPeople =
  | { readonly outcome: 'agreed'; readonly reasons: readonly Reason[] }
  | Exclude<Decision, { readonly outcome: 'allow' }>

/** One `deny` is enough; approvals count while they last and for what they were given. */
function wordOfPeople(
  request: DecisionRequest,
  requirement: Requirement | undefined,
): WordOfPeople {
  const { approval } = request
  if (requirement === undefined && approval === undefined) return { outcome: 'agreed', reasons: [] }
  const binding = bindingOf(request)
  const voided = approval !== undefined && approval.binding !== binding
  const evidence = voided ? undefined : approval
  const refusal = evidence === undefined ? undefined : refusalBy(request, evidence)
  if (refusal !== undefined) return { outcome: 'deny', reasons: [refusal] }
  const given = evidence === undefined ? [] : countingVerdicts(request, evidence)
  const unmet = unmetNeeds(requirement?.needs ?? [], given)
  if (requirement !== undefined && unmet.length > 0) {
    const reasons = [...(voided ? [VOID] : []), approvalRequired(requirement)]
    return { outcome: 'needs_approval', requirement, binding, unmet, reasons }
  }
  if (evidence === undefined) return { outcome: 'deny', reasons: [VOID] }
  const message = `approved by ${given.map(({ by }) => `${by.subject} (${by.issuer})`).join(', ')}`
  return { outcome: 'agreed', reasons: given.length === 0 ? [] : [{ code: 'approved', message }] }
}

function refusalBy({ now }: DecisionRequest, { verdicts, expires }: Evidence): Reason | undefined {
  if (verdicts.some(({ verdict }) => verdict === 'deny')) {
    return { code: 'approval_denied', message: 'it was denied' }
  }
  if (now < expires) return undefined
  return { code: 'approval_expired', message: 'the approval is over; ask again' }
}

const VOID: Reason = {
  code: 'approval_void',
  message: 'what was approved is not what is asked for now',
}

function approvalRequired({ rules, needs }: Requirement): Reason {
  const message = `${rules.join(', ')}: approval by ${needsText(needs)} comes first`
  return { code: 'approval_required', message }
}

function allowedMessage({ caller, scope, environment }: DecisionRequest): string {
  return `${caller.class} caller matches a rule of ${scope.name}, which lists ${environment.name}`
}
