import { Approvals } from './approval/approvals.ts'
import { type Evidence, giveEvidence } from './approval/evidence.ts'
import { callerOf } from './approval/review.ts'
import type { Clock, Random } from './clock.ts'
import type { Privacy } from './config/privacy.ts'
import type { Ask, Evaluation } from './decision/evaluate.ts'
import { NO_POLICY, type Policy } from './decision/policy.ts'
import type { Environment } from './environment/environment.ts'
import { CredctlError } from './errors.ts'
import type { Caller } from './identity/caller.ts'
import type { GrantEnded } from './ledger/entry.ts'
import type { GrantState, Ledger } from './ledger/ledger.ts'
import { entryCaller } from './ledger/record.ts'
import {
  deliverWrapped,
  lookAtWrapping,
  type WrappingFinding,
  wrappingOf,
} from './lifecycle/delivery.ts'
import { endGrant } from './lifecycle/ending.ts'
import { type GrantAnswer, Granting, type RedemptionAnswer } from './lifecycle/granting.ts'
import { type Redeemed, redeem } from './lifecycle/redemption.ts'
import type { RevocationResult } from './lifecycle/revocation.ts'
import { CredentialCache } from './mint/cache.ts'
import type { Mints } from './mint/mints.ts'
import type { Wrapped } from './mint/wrapping.ts'
import type { Catalog } from './scope/catalog.ts'

export interface BrokerParts {
  /** The catalogue in force; another one after a reload. */
  readonly catalog: () => Catalog
  readonly environments: ReadonlyMap<string, Environment>
  readonly ledger: Ledger
  readonly mints: Mints
  readonly privacy: Privacy
  /** The operator's thresholds and approvers; the autonomy levels alone when absent. */
  readonly policy?: Policy
  /** Where else people may already have agreed. */
  readonly evidence?: Evidence
  readonly clock: Clock
  readonly random: Random
}

/** A fetch under a grant, as the grant token says it. */
export interface Fetched {
  readonly grant: string
  readonly plan: string
  readonly target: string
  readonly request: string
}

/**
 * The flow: who asks (the caller is already verified), what is declared, what does it give, may
 * they, record, make, record, return.
 */
export class Broker {
  readonly #parts: BrokerParts
  readonly #minted: CredentialCache<Redeemed>
  /** Requests that wait for people. */
  readonly approvals: Approvals
  readonly #granting: Granting

  constructor(parts: BrokerParts) {
    this.#parts = parts
    this.approvals = new Approvals({ ...parts, policy: parts.policy ?? NO_POLICY })
    this.#granting = new Granting(parts, this.approvals)
    this.#minted = new CredentialCache(parts.clock)
  }

  /** What a request would get: nothing is recorded, nothing minted. */
  async plan(caller: Caller, ask: Ask): Promise<Evaluation> {
    return await this.#granting.plan(caller, ask)
  }

  /**
   * Decides and records. When this resolves the answer is durable; when it rejects nothing was
   * decided.
   */
  async requestGrant(caller: Caller, ask: Ask, request: string): Promise<GrantAnswer> {
    const answer = await this.#granting.request(caller, ask, request)
    const { evidence } = this.#parts
    if (evidence === undefined || answer.outcome !== 'needs_approval') return answer
    const waiting = { caller, state: answer.waiting, request }
    const isApproved = await giveEvidence(evidence, this.approvals, waiting)
    return isApproved ? await this.#granting.request(caller, ask, request) : answer
  }

  /**
   * What became of a request that waits, asked by whoever made it: decided again, now with what
   * people said. The caller is the one of the request unless a fresh token proves its present claims.
   */
  async redeem(id: string, request: string, proven?: Caller): Promise<RedemptionAnswer> {
    return await this.#granting.redeem(id, request, proven)
  }

  /**
   * The credential of one target. The same one for as long as it lives on this replica; the state
   * of the grant is read on every call, so that an ended grant gives nothing any more.
   */
  async credential(fetch: Fetched): Promise<Redeemed> {
    const state = await this.#liveGrant(fetch.grant)
    return await this.#minted.get(state, fetch.target, () =>
      redeem(this.#parts, { state, ...fetch, signedPlan: fetch.plan }),
    )
  }

  /**
   * The same inside a token of Vault's that opens once, for so many seconds at most. Errors:
   * `request_invalid` where Vault does not mint.
   */
  async wrappedCredential(fetch: Fetched, seconds: number): Promise<Wrapped> {
    const state = await this.#liveGrant(fetch.grant)
    const place = { state, target: fetch.target, request: fetch.request }
    wrappingOf(this.#parts, place)
    const redeemed = await this.credential(fetch)
    return await deliverWrapped(this.#parts, place, redeemed, seconds)
  }

  /**
   * Whom a wrapped credential was for could not open it. Unless it can still be opened, this is on
   * the record, and the grant ends: the sweep sees to it when a target does not answer now.
   */
  async unwrapFailed(
    report: Omit<Fetched, 'plan'> & { readonly accessor: string },
  ): Promise<WrappingFinding> {
    const state = await this.#liveGrant(report.grant)
    const { target, request, accessor } = report
    const finding = await lookAtWrapping(this.#parts, { state, target, request }, accessor)
    if (finding === 'closed') return finding
    const after = (await this.#parts.ledger.grant(state.id)) ?? state
    await this.end(after, 'caller', callerOf(state.caller), request)
    return finding
  }

  /** Ends a grant on the record and at every target. The caller of this checks who may. */
  async end(
    grant: GrantState,
    cause: GrantEnded['cause'],
    by: Caller,
    request: string,
  ): Promise<readonly RevocationResult[]> {
    this.#minted.forget(grant.id)
    const found = this.#parts.catalog().scopes.get(grant.scope)
    const occasion = { request, now: this.#parts.clock.now() }
    return await endGrant(this.#parts, occasion, grant, cause, entryCaller(by, found))
  }

  /** Forgets credentials of grants past their time. */
  prune(): void {
    this.#minted.prune()
  }

  async #liveGrant(id: string): Promise<GrantState> {
    const state = await this.#parts.ledger.grant(id)
    if (state === undefined) throw new CredctlError('grant_not_found', 'there is no such grant')
    if (state.ended !== undefined) {
      throw new CredctlError('grant_ended', `the grant has ended (${state.ended.cause})`)
    }
    if (state.expiresAt <= this.#parts.clock.now()) {
      throw new CredctlError('grant_ended', 'the grant has expired')
    }
    return state
  }
}
