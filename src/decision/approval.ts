import { type Digest, digestOf } from '../canonical.ts'
import {
  comparable,
  EVERY_APPROVER,
  isMember,
  isNameless,
  type PersonClaims,
  personOf,
} from '../identity/approver-group.ts'
import type { Actor, Caller, Claims } from '../identity/caller.ts'
import type { AllowRule } from '../scope/scope.ts'
import type { Need } from '../scope/threshold.ts'
import { NO_POLICY, type Policy } from './policy.ts'
import type { DecisionRequest } from './request.ts'

/** Who asked or approved, as verified then. */
export type Person = Pick<Caller, 'class' | 'issuer' | 'subject' | 'claims' | 'actor'>

/** One person's word on a request, as the ledger has it. */
export interface Verdict {
  readonly verdict: 'approve' | 'deny'
  readonly by: Person
  /** The group that the person spoke for: one of those the request needs. */
  readonly group: string
  readonly plan: Digest
  readonly at: Date
}

/** What the ledger says about the request for approval that a decision would rest on. */
export interface Evidence {
  /** Everything the people looked at, as one digest: `bindingOf` the request then. */
  readonly binding: Digest
  readonly expires: Date
  readonly verdicts: readonly Verdict[]
}

type Bound = Pick<
  DecisionRequest,
  'caller' | 'scope' | 'scopeDigest' | 'plan' | 'intent' | 'breakGlass' | 'policy'
>

/**
 * What an approval is for. Another scope text, plan (and with it another parameter or environment),
 * intent or caller, or another value of a claim that the scope's rules look at, gives another
 * digest: the approval is void. Which token and which key the caller came with makes no difference.
 */
export function bindingOf(request: Bound): Digest {
  const { caller, scope, scopeDigest, plan, intent, breakGlass = false, policy } = request
  const { class: callerClass, issuer, subject, claims, actor } = caller
  return digestOf({
    scope: scopeDigest,
    plan: plan.digest,
    intent,
    breakGlass,
    class: callerClass,
    issuer,
    subject,
    claims: relevantClaims(claims, scope.allow, boundClaims(issuer, policy)),
    actors: chainOf(actor).map(({ iss, sub }) => [iss ?? null, sub]),
  })
}

/** What somebody said elsewhere, a review say, is about a commit that the scope need not name. */
export function boundClaims(issuer: string, policy: Policy = NO_POLICY): readonly string[] {
  const { boundClaims: bound = {} } = policy
  return Object.hasOwn(bound, issuer) ? (bound[issuer] ?? []) : []
}

function relevantClaims(
  claims: Claims,
  rules: readonly AllowRule[],
  bound: readonly string[],
): Claims {
  const isRelevant = (name: string) =>
    bound.includes(name) || rules.some((rule) => Object.hasOwn(rule.claims, name))
  return Object.fromEntries(Object.entries(claims).filter(([name]) => isRelevant(name)))
}

/** What an approval is looked at with: who asked, for which plan, when, under which rules. */
interface Asking {
  readonly caller: Person
  readonly plan: { readonly digest: Digest }
  readonly now: Date
  readonly policy?: Policy | undefined
}

/** What is still missing, by group, where these words count. */
export function unmetNeeds(needs: readonly Need[], counting: readonly Verdict[]): readonly Need[] {
  return needs.flatMap(({ group, count }) => {
    const missing = count - counting.filter((each) => each.group === group).length
    return missing > 0 ? [{ group, count: missing }] : []
  })
}

/**
 * The words that count: about this plan, given in time by a member of the group who is not the
 * requester, and nobody's twice.
 */
export function countingVerdicts(
  { caller, plan, now, policy = NO_POLICY }: Asking,
  evidence: Evidence,
): readonly Verdict[] {
  const counting: Verdict[] = []
  if (now >= evidence.expires) return counting
  for (const each of evidence.verdicts) {
    const counts =
      each.verdict === 'approve' &&
      each.plan === plan.digest &&
      each.at < evidence.expires &&
      each.by.actor === undefined &&
      isMember(each.group, policy.groups, each.by) &&
      !isSamePerson(each.by, caller, policy.samePerson) &&
      !counting.some(({ by }) => isSamePerson(each.by, by, policy.samePerson))
    if (counts) counting.push(each)
  }
  return counting
}

/** The groups of a request that a person could speak for. */
export function groupsOf(person: Person, needs: readonly Need[], policy: Policy): string[] {
  return needs.map(({ group }) => group).filter((group) => isMember(group, policy.groups, person))
}

/**
 * Four eyes: is `person` the other one, or anybody in the chain that acts for it? Compared by issuer
 * and subject, and by the claim that the operator says names a person across issuers: people choose
 * what their provider puts into a token, so whoever leaves that claim out could be anybody.
 */
export function isSamePerson(person: Person, other: Person, names: PersonClaims): boolean {
  if (person.issuer === other.issuer && person.subject === other.subject) return true
  if (isNameless(person, names) || isNameless(other, names)) return true
  const name = personOf(person, names)
  if (name !== undefined && (name === personOf(other, names) || name === comparable(other.subject)))
    return true
  if (personOf(other, names) === comparable(person.subject)) return true
  return chainOf(other.actor).some(({ iss, sub }) => {
    if (name === comparable(sub)) return true
    return sub === person.subject && (iss === undefined || isIssuer(person, iss))
  })
}

/** An actor's issuer is a URL, or the name of one of ours where tokens carry none. */
function isIssuer({ issuer, claims }: Person, iss: string): boolean {
  return iss === issuer || !('iss' in claims) || claims['iss'] === iss
}

function chainOf(actor: Actor | undefined): readonly Actor[] {
  const chain: Actor[] = []
  for (let link = actor; link !== undefined; link = link.act) chain.push(link)
  return chain
}

/** `2 of dba and 1 approver`. */
export function needsText(needs: readonly Need[]): string {
  return needs.map(needText).join(' and ')
}

function needText({ group, count }: Need): string {
  if (group !== EVERY_APPROVER) return `${count} of ${group}`
  return count === 1 ? '1 approver' : `${count} approvers`
}
