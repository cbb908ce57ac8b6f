import { boundClaims, countingVerdicts, unmetNeeds } from '../decision/approval.ts'
import { CredctlError, isCredctlError } from '../errors.ts'
import { EVERY_APPROVER, isMember, membershipClaims } from '../identity/approver-group.ts'
import type { Caller } from '../identity/caller.ts'
import type { ApprovalGiven, EntryCaller } from '../ledger/entry.ts'
import type { ApprovalFilter, ApprovalState } from '../ledger/ledger.ts'
import { approvalEnded, approvalGiven, entryCaller, type Occasion } from '../ledger/record.ts'
import { redactText } from '../ledger/redaction/redaction.ts'
import type { Plan } from '../plan/plan.ts'
import { type ApprovalParts, evidenceOf, OPEN, statusAt, type Word } from './approval.ts'
import { hindrance, requireEligible } from './eligibility.ts'
import { review, voidReasons } from './review.ts'
import { statusesBefore } from './transitions.ts'

/** Others may speak at the same moment; whoever loses that many races tries again later. */
const TRIES = 10
/** How many requests one round of the sweep ends. */
const BATCH = 200

/**
 * Requests that wait for people: what every channel (API, CLI, console, Slack) goes through. Every
 * act is an entry before it counts; nothing here gives access, the decision does that later.
 */
export class Approvals {
  readonly #parts: ApprovalParts

  constructor(parts: ApprovalParts) {
    this.#parts = parts
  }

  /** Error: `approval_not_found`. Who may see it is for the channel to check. */
  async find(id: string): Promise<ApprovalState> {
    const state = await this.#parts.ledger.approval(id)
    if (state !== undefined) return this.#now(state)
    throw new CredctlError('approval_not_found', 'there is no such request for approval')
  }

  /** Newest first. */
  async list(filter: ApprovalFilter): Promise<readonly ApprovalState[]> {
    return (await this.#parts.ledger.approvals(filter)).map((state) => this.#now(state))
  }

  /** The groups that this person could speak for, in any request. */
  groupsOf(person: Caller): readonly string[] {
    const { groups } = this.#parts.policy
    if (!person.roles.includes('approver')) return []
    return [EVERY_APPROVER, ...Object.keys(groups)].filter((name) => isMember(name, groups, person))
  }

  /** Why this person may not decide the request now, in one sentence; undefined when they may. */
  hindrance(person: Caller, state: ApprovalState): string | undefined {
    return hindrance(person, state, this.#parts.policy, this.#parts.clock.now())
  }

  /** What is asked for, in the targets' own languages; undefined once the files say otherwise. */
  planOf(state: ApprovalState): Plan | undefined {
    const { plan } = review(this.#parts, state, this.#parts.clock.now())
    return plan?.digest === state.plan ? plan : undefined
  }

  /**
   * Records one person's word. When this resolves it is durable. Errors: `approval_not_found`,
   * `approval_not_yours`, `approval_settled`, `authentication_insufficient`, `plan_changed` (the
   * person saw another plan), `request_invalid` (no reason where one is required).
   */
  async give(word: Word, request: string): Promise<ApprovalState> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#give(word, request)
      } catch (error) {
        const raced = error instanceof Raced && tries < TRIES
        if (!raced) throw error
      }
    }
  }

  /** Takes a request back, approved or not. The caller of this checks who may. */
  async cancel(id: string, by: Caller, request: string): Promise<ApprovalState> {
    const state = await this.find(id)
    requireOpen(state)
    const occasion = { request, now: this.#parts.clock.now() }
    await this.#end(occasion, state, { outcome: 'cancelled', reasons: [], by: this.#recorded(by) })
    return { ...state, status: 'cancelled' }
  }

  /**
   * Ends what people agreed to, or would, when nothing can come of it any more: the files say
   * something else now about the very caller that asked. Gives whether it did.
   */
  async voidIfChanged(state: ApprovalState, request: string): Promise<boolean> {
    const now = this.#parts.clock.now()
    const reasons = voidReasons(review(this.#parts, state, now), state)
    if (reasons === undefined) return false
    await this.#end({ request, now }, state, { outcome: 'void', reasons })
    return true
  }

  /** Puts on the record which requests are past their time. Gives their number. */
  async expire(request: string): Promise<number> {
    const now = this.#parts.clock.now()
    const over = await this.#parts.ledger.approvals({ statuses: OPEN, endsBy: now, limit: BATCH })
    for (const state of over) {
      await this.#end({ request, now }, state, { outcome: 'expired', reasons: [] }).catch(
        // Another replica was faster, or somebody redeemed it in the last moment.
        (error: unknown) => {
          if (!isCredctlError(error, 'approval_settled')) throw error
        },
      )
    }
    return over.length
  }

  async #give(word: Word, request: string): Promise<ApprovalState> {
    const { ledger, policy, clock } = this.#parts
    const state = await this.find(word.id)
    const now = clock.now()
    const groups = requireEligible(word.by, state, policy, now)
    requireOpen(state, statusesBefore('deny'))
    if (word.plan !== state.plan) {
      const message = 'the plan of the request is not the one that was looked at'
      throw new CredctlError('plan_changed', message, { hint: 'look at it again' })
    }
    if (await this.voidIfChanged(state, request)) throw changed()
    const group = groupFor(word, groups, state)
    const settled = this.#settled(word, group, state, now)
    const { id: grant, lastIndex: previous } = state
    const entry = approvalGiven({ request, now }, { grant, previous }, settled)
    try {
      const { index } = await ledger.append(entry, { approval: statusesBefore('deny') })
      const status = settled.settles ?? 'pending'
      return { ...state, status, given: [...state.given, entry], lastIndex: index }
    } catch (error) {
      throw isCredctlError(error, 'approval_settled') ? new Raced(error) : error
    }
  }

  #settled(word: Word, group: string, state: ApprovalState, now: Date) {
    const { verdict, via, facts } = word
    const reason = reasonOf(word, state)
    const given: Omit<ApprovalGiven, 'kind' | 'v' | 'time' | 'request' | 'grant' | 'previous'> = {
      verdict,
      by: this.#recorded(word.by),
      group,
      ...(reason === undefined ? {} : { reason }),
      plan: state.plan,
      via,
      assurance: assuranceOf(word.by),
      ...(facts === undefined ? {} : { facts }),
    }
    if (verdict === 'deny') return { ...given, settles: 'denied' as const }
    const evidence = evidenceOf(state)
    const { policy } = this.#parts
    const verdicts = [...evidence.verdicts, { ...given, at: now }]
    const about = { caller: state.caller, plan: { digest: state.plan }, now, policy }
    const unmet = unmetNeeds(state.asked.needs, countingVerdicts(about, { ...evidence, verdicts }))
    return unmet.length === 0 ? { ...given, settles: 'approved' as const } : given
  }

  /** Only what membership and identity hang on: tokens hold much that is personal. */
  #recorded(by: Caller): EntryCaller {
    return entryCaller(by, undefined, recordedClaims(by, this.#parts.policy))
  }

  async #end(
    occasion: Occasion,
    { id: grant, lastIndex: previous }: ApprovalState,
    ended: Parameters<typeof approvalEnded>[2],
  ): Promise<void> {
    const entry = approvalEnded(occasion, { grant, previous }, ended)
    await this.#parts.ledger.append(entry, { approval: statusesBefore('void') })
  }

  #now(state: ApprovalState): ApprovalState {
    return { ...state, status: statusAt(state, this.#parts.clock.now()) }
  }
}

/** Names of the claims of an approver, or a requester, that later decisions look at. */
export function recordedClaims({ issuer }: Caller, policy: ApprovalParts['policy']): string[] {
  const person = policy.samePerson[issuer]
  const named = person === undefined ? [] : [person]
  const bound = boundClaims(issuer, policy)
  return [...membershipClaims(policy.groups, issuer), 'iss', ...named, ...bound]
}

function changed(): CredctlError {
  return new CredctlError('approval_settled', 'what is asked for has changed: the request is void')
}

/** Somebody else spoke between reading and writing: what they said has to be seen first. */
class Raced extends CredctlError {
  constructor(cause: CredctlError) {
    super('approval_settled', cause.message, { cause })
  }
}

function requireOpen(state: ApprovalState, wanted = OPEN): void {
  if (wanted.includes(state.status)) return
  throw new CredctlError('approval_settled', `the request is ${state.status}`)
}

const LONGEST_REASON = 2000

function reasonOf({ reason }: Word, { asked }: ApprovalState): string | undefined {
  const text = reason?.trim() ?? ''
  if (text.length > LONGEST_REASON) {
    throw new CredctlError('request_invalid', `a reason has at most ${LONGEST_REASON} characters`)
  }
  if (text !== '') return redactText(text).text
  if (!asked.reason_required) return undefined
  throw new CredctlError('request_invalid', 'this request is decided with a reason', {
    hint: 'say why, in a sentence',
  })
}

/** A group that nobody is missing from any more needs no further word, except a denial. */
function groupFor(word: Word, groups: readonly string[], state: ApprovalState): string {
  const spoken = (group: string) =>
    state.given.filter((each) => each.verdict === 'approve' && each.group === group).length
  const open = state.asked.needs.filter(({ group, count }) => spoken(group) < count)
  const wanted = groups.filter((group) => word.group === undefined || word.group === group)
  const found = wanted.find((group) => open.some((need) => need.group === group)) ?? undefined
  if (found !== undefined) return found
  if (word.verdict === 'deny' && wanted[0] !== undefined) return wanted[0]
  const waits = open.map(({ group }) => group).join(' and ')
  throw new CredctlError('approval_not_yours', `the request now waits for ${waits}`)
}

function assuranceOf({ claims }: Caller): ApprovalGiven['assurance'] {
  const { acr, auth_time: time } = claims
  return {
    ...(typeof acr === 'string' && acr !== '' ? { acr } : {}),
    ...(typeof time === 'number' ? { auth_time: time } : {}),
  }
}
