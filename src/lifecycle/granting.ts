import { bindingCode, evidenceOf, OPEN } from '../approval/approval.ts'
import { type Approvals, recordedClaims } from '../approval/approvals.ts'
import { callerOf, voidReasons } from '../approval/review.ts'
import { statusesBefore } from '../approval/transitions.ts'
import { type Clock, type Random, ulid } from '../clock.ts'
import type { Privacy } from '../config/privacy.ts'
import type { Grant, NeedsApproval } from '../decision/decide.ts'
import { type Ask, type Circumstances, type Evaluation, evaluate } from '../decision/evaluate.ts'
import { NO_POLICY, type Policy } from '../decision/policy.ts'
import type { Reason } from '../decision/reason.ts'
import type { Usage } from '../decision/request.ts'
import type { Environment } from '../environment/environment.ts'
import { isCredctlError } from '../errors.ts'
import type { Caller } from '../identity/caller.ts'
import type { ApprovalStatus } from '../ledger/changes.ts'
import type { GrantDecided } from '../ledger/entry.ts'
import type { ApprovalState, Guard, Ledger } from '../ledger/ledger.ts'
import { grantDecided } from '../ledger/record.ts'
import { redactAsk } from '../ledger/redaction/ask.ts'
import type { Mints } from '../mint/mints.ts'
import type { Catalog } from '../scope/catalog.ts'
import { placeOf, usageGuard } from './usage-guard.ts'

export interface GrantingParts {
  readonly catalog: () => Catalog
  readonly environments: ReadonlyMap<string, Environment>
  readonly ledger: Ledger
  readonly mints: Mints
  readonly privacy: Privacy
  readonly policy?: Policy
  readonly clock: Clock
  readonly random: Random
}

/** The answer to a request for a grant, as it now stands in the log. */
export type GrantAnswer =
  | {
      readonly outcome: 'allow'
      readonly ask: Ask
      readonly grant: Grant
      readonly guarantees: Guarantees
    }
  | { readonly outcome: 'deny'; readonly id: string; readonly disclosed: readonly Reason[] }
  | {
      /** People have to agree first, or have agreed to what cannot be given just now. */
      readonly outcome: 'needs_approval'
      readonly waiting: ApprovalState
      readonly disclosed: readonly Reason[]
    }

/** What asking again about a request that waits gave. */
export type RedemptionAnswer =
  | GrantAnswer
  | {
      readonly outcome: 'over'
      readonly id: string
      readonly status: Exclude<ApprovalStatus, 'pending' | 'approved'>
    }

/** Per target, what ending the grant reaches and what it does not. */
export type Guarantees = Readonly<Record<string, readonly string[]>>

/** Losing this many races for the last places in a row is for the caller to try again. */
const DECISIONS = 10

const NO_USAGE: Usage = { liveGrants: 0, grantsLastDay: 0 }

/** Decides what callers ask for, at once or after people agreed, and puts every answer on record. */
export class Granting {
  readonly #parts: GrantingParts
  readonly #approvals: Approvals
  /** Scopes in environments that had no room left when they were last asked for. */
  readonly #full = new Set<string>()

  constructor(parts: GrantingParts, approvals: Approvals) {
    this.#parts = parts
    this.#approvals = approvals
  }

  /** What a request would get: nothing is recorded, nothing minted. */
  async plan(caller: Caller, asked: Ask): Promise<Evaluation> {
    const ask = this.#redacted(asked)
    return evaluate(ask, await this.#circumstances(caller, ask))
  }

  /**
   * Decides and records. When this resolves the answer is durable; when it rejects nothing was
   * decided. A limit that others use up meanwhile leads to another decision, which counts them.
   */
  async request(caller: Caller, asked: Ask, request: string): Promise<GrantAnswer> {
    const ask = this.#redacted(asked)
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#decideAndRecord(caller, ask, request)
      } catch (error) {
        const raced = isCredctlError(error, 'limit_reached', 'approval_settled')
        if (!raced || tries === DECISIONS) throw error
        // What nobody has ended yet must not be in the way of what is asked anew.
        if (error.code === 'approval_settled') await this.#approvals.expire(request)
      }
    }
  }

  /**
   * What became of a request that waits, asked by whoever made it: decided again, now with what
   * people said. The caller is the one of the request unless a fresh token proves its present claims.
   */
  async redeem(id: string, request: string, proven?: Caller): Promise<RedemptionAnswer> {
    for (let tries = 1; ; tries += 1) {
      const waiting = await this.#approvals.find(id)
      const { status } = waiting
      if (status !== 'pending' && status !== 'approved') return { outcome: 'over', id, status }
      try {
        const caller = proven ?? callerOf(waiting.caller)
        return await this.#decideWaiting(caller, waiting, request)
      } catch (error) {
        const raced = isCredctlError(error, 'limit_reached', 'approval_settled')
        if (!raced || tries === DECISIONS) throw error
      }
    }
  }

  /** First of all: nothing after this sees a secret that a caller pasted. */
  #redacted(ask: Ask): Ask {
    return redactAsk(ask, this.#parts.privacy.redact)
  }

  async #decideAndRecord(caller: Caller, ask: Ask, request: string): Promise<GrantAnswer> {
    const { ledger } = this.#parts
    const { circumstances, evaluation } = await this.#decide(caller, ask)
    const { decision, disclosed } = evaluation
    if (decision.outcome === 'needs_approval') {
      return await this.#wait({ caller, ask, request }, circumstances, evaluation, decision)
    }
    const occasion = { request, now: circumstances.now }
    const entry = grantDecided(occasion, { ask, ...circumstances, evaluation })
    if (decision.outcome === 'deny') {
      await ledger.append(entry)
      return { outcome: 'deny', id: circumstances.grantId, disclosed }
    }
    await this.#appendWithin(ask, entry, usageGuard(ask, circumstances))
    return this.#allowed(ask, decision.grant)
  }

  /**
   * Most scopes have room, and the database checks that there is as the entry becomes durable. So
   * use is only read where it may say no: to explain it, or because it did so a moment ago.
   */
  async #decide(caller: Caller, ask: Ask) {
    if (!this.#full.has(placeOf(ask))) {
      const circumstances = this.#assumed(caller, ask)
      const evaluation = evaluate(ask, circumstances)
      if (evaluation.decision.outcome === 'allow') return { circumstances, evaluation }
    }
    const circumstances = await this.#circumstances(caller, ask)
    return { circumstances, evaluation: evaluate(ask, circumstances) }
  }

  async #appendWithin(ask: Ask, entry: GrantDecided, guard: Guard): Promise<void> {
    try {
      await this.#parts.ledger.append(entry, guard)
      this.#full.delete(placeOf(ask))
    } catch (error) {
      if (isCredctlError(error, 'limit_reached')) this.#full.add(placeOf(ask))
      throw error
    }
  }

  #allowed(ask: Ask, grant: Grant): GrantAnswer {
    const guarantees = Object.keys(grant.plan.targets).map((target) => [
      target,
      this.#parts.mints.of(ask.environment, target).guarantees,
    ])
    return { outcome: 'allow', ask, grant, guarantees: Object.fromEntries(guarantees) }
  }

  /** One request for one thing: asking again joins the one that waits, or uses what was approved. */
  async #wait(
    { caller, ask, request }: { caller: Caller; ask: Ask; request: string },
    circumstances: Circumstances,
    evaluation: Evaluation,
    { binding }: NeedsApproval,
  ): Promise<GrantAnswer> {
    const { ledger } = this.#parts
    const { grantId, now } = circumstances
    const same = { binding, statuses: [...OPEN, 'denied' as const], endsAfter: now, limit: 1 }
    const [known] = await this.#approvals.list(same)
    const occasion = { request, now }
    const decided = { ask, ...circumstances, evaluation }
    const refusal =
      known?.status === 'denied' ? DENIED_BEFORE : await this.#crowded(caller, known, now)
    if (refusal !== undefined) {
      const reasons = [refusal]
      const decision = { outcome: 'deny', reasons } as const
      await ledger.append(
        grantDecided(occasion, { ...decided, evaluation: { ...evaluation, decision } }),
      )
      return { outcome: 'deny', id: grantId, disclosed: reasons }
    }
    if (known !== undefined) return await this.#decideWaiting(caller, known, request)
    const code = bindingCode(grantId, binding)
    const claims = recordedClaims(caller, this.#parts.policy ?? NO_POLICY)
    await ledger.append(grantDecided(occasion, decided, { code, claims }), { approval: 'new' })
    return {
      outcome: 'needs_approval',
      waiting: await this.#approvals.find(grantId),
      disclosed: evaluation.disclosed,
    }
  }

  /** Whoever approves reads what waits: one caller must not bury the requests of the others. */
  async #crowded(
    { issuer, subject }: Caller,
    known: ApprovalState | undefined,
    now: Date,
  ): Promise<Reason | undefined> {
    if (known !== undefined) return undefined
    const own = { owner: { issuer, subject }, statuses: OPEN, endsAfter: now }
    const open = await this.#approvals.list({ ...own, limit: OPEN_PER_CALLER })
    return open.length < OPEN_PER_CALLER ? undefined : CROWDED
  }

  /** Approved is not allowed: everything is looked at again, and only then is there a grant. */
  async #decideWaiting(
    caller: Caller,
    waiting: ApprovalState,
    request: string,
  ): Promise<GrantAnswer> {
    const ask: Ask = {
      scope: waiting.scope,
      environment: waiting.environment,
      intent: waiting.intent,
      parameters: waiting.parameters,
      breakGlass: waiting.breakGlass,
    }
    const circumstances = {
      ...(await this.#circumstances(caller, ask)),
      grantId: waiting.id,
      approval: evidenceOf(waiting),
    }
    const evaluation = evaluate(ask, circumstances)
    const { decision, disclosed } = evaluation
    if (voidReasons(evaluation, waiting) !== undefined) {
      // Of somebody else of the same name nothing follows for the request of this one.
      await this.#approvals.voidIfChanged(waiting, request)
      return { outcome: 'deny', id: waiting.id, disclosed }
    }
    if (decision.outcome !== 'allow' || waiting.status === 'pending') {
      return { outcome: 'needs_approval', waiting, disclosed }
    }
    const occasion = { request, now: circumstances.now }
    const decided = { ask, ...circumstances, evaluation }
    const claims = recordedClaims(caller, this.#parts.policy ?? NO_POLICY)
    const entry = grantDecided(occasion, decided, { previous: waiting.lastIndex, claims })
    const guard: Guard = { ...usageGuard(ask, circumstances), approval: statusesBefore('redeem') }
    await this.#appendWithin(ask, entry, guard)
    return this.#allowed(ask, decision.grant)
  }

  async #circumstances(caller: Caller, ask: Ask): Promise<Circumstances> {
    const assumed = this.#assumed(caller, ask)
    const { found, now } = assumed
    const limited = found !== undefined && Object.keys(found.scope.limits).length > 0
    if (!limited) return assumed
    return { ...assumed, usage: await this.#parts.ledger.usage(ask.scope, ask.environment, now) }
  }

  /** As if nobody used the scope. */
  #assumed(caller: Caller, ask: Ask): Circumstances {
    const { catalog, environments, policy, clock, random } = this.#parts
    const now = clock.now()
    const found = catalog().scopes.get(ask.scope)
    const environment = environments.get(ask.environment)
    const asked = { grantId: ulid(clock, random), caller, found, environment, policy }
    return { ...asked, usage: NO_USAGE, issuedAt: now, now }
  }
}

/** Requests of one caller that wait, or are approved and not yet used. */
const OPEN_PER_CALLER = 50

const CROWDED: Reason = {
  code: 'too_many_waiting',
  message: `${OPEN_PER_CALLER} requests of this caller already wait for people`,
}

const DENIED_BEFORE: Reason = {
  code: 'approval_denied',
  message: 'people denied exactly this request a short while ago',
}
