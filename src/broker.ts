import { type Clock, type Random, ulid } from './clock.ts'
import type { Privacy } from './config/privacy.ts'
import type { Grant } from './decision/decide.ts'
import { type Ask, type Circumstances, type Evaluation, evaluate } from './decision/evaluate.ts'
import type { Reason } from './decision/reason.ts'
import type { Usage } from './decision/request.ts'
import type { Environment } from './environment/environment.ts'
import { CredctlError, isCredctlError } from './errors.ts'
import type { Caller } from './identity/caller.ts'
import type { GrantEnded } from './ledger/entry.ts'
import type { GrantState, Guard, Ledger } from './ledger/ledger.ts'
import { entryCaller, grantDecided } from './ledger/record.ts'
import { redactAsk } from './ledger/redaction/ask.ts'
import { endGrant } from './lifecycle/ending.ts'
import { redeem } from './lifecycle/redemption.ts'
import type { RevocationResult } from './lifecycle/revocation.ts'
import { CredentialCache } from './mint/cache.ts'
import type { Minted } from './mint/mint.ts'
import type { Mints } from './mint/mints.ts'
import type { Catalog } from './scope/catalog.ts'

export interface BrokerParts {
  /** The catalogue in force; another one after a reload. */
  readonly catalog: () => Catalog
  readonly environments: ReadonlyMap<string, Environment>
  readonly ledger: Ledger
  readonly mints: Mints
  readonly privacy: Privacy
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

/** Per target, what ending the grant reaches and what it does not. */
export type Guarantees = Readonly<Record<string, readonly string[]>>

/** Losing this many races for the last places in a row is for the caller to try again. */
const DECISIONS = 10

const NO_USAGE: Usage = { liveGrants: 0, grantsLastDay: 0 }

/**
 * The flow: who asks (the caller is already verified), what is declared, what does it give, may
 * they, record, make, record, return.
 */
export class Broker {
  readonly #parts: BrokerParts
  readonly #minted: CredentialCache

  constructor(parts: BrokerParts) {
    this.#parts = parts
    this.#minted = new CredentialCache(parts.clock)
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
  async requestGrant(caller: Caller, asked: Ask, request: string): Promise<GrantAnswer> {
    const ask = this.#redacted(asked)
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#decideAndRecord(caller, ask, request)
      } catch (error) {
        if (!isCredctlError(error, 'limit_reached') || tries === DECISIONS) throw error
      }
    }
  }

  /**
   * The credential of one target. The same one for as long as it lives on this replica; the state
   * of the grant is read on every call, so that an ended grant gives nothing any more.
   */
  async credential(fetch: {
    readonly grant: string
    readonly plan: string
    readonly target: string
    readonly request: string
  }): Promise<Minted> {
    const state = await this.#liveGrant(fetch.grant)
    return await this.#minted.get(state, fetch.target, () =>
      redeem(this.#parts, { state, ...fetch, signedPlan: fetch.plan }),
    )
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

  /** First of all: nothing after this sees a secret that a caller pasted. */
  #redacted(ask: Ask): Ask {
    return redactAsk(ask, this.#parts.privacy.redact)
  }

  async #decideAndRecord(caller: Caller, ask: Ask, request: string): Promise<GrantAnswer> {
    const { ledger, mints } = this.#parts
    const circumstances = await this.#circumstances(caller, ask)
    const evaluation = evaluate(ask, circumstances)
    const occasion = { request, now: circumstances.now }
    const entry = grantDecided(occasion, { ask, ...circumstances, evaluation })
    const { decision, disclosed } = evaluation
    if (decision.outcome === 'deny') {
      await ledger.append(entry)
      return { outcome: 'deny', id: circumstances.grantId, disclosed }
    }
    await ledger.append(entry, usageGuard(ask, circumstances))
    const guarantees = Object.keys(decision.grant.plan.targets).map((target) => [
      target,
      mints.of(ask.environment, target).guarantees,
    ])
    const given = { grant: decision.grant, guarantees: Object.fromEntries(guarantees) }
    return { outcome: 'allow', ask, ...given }
  }

  async #circumstances(caller: Caller, ask: Ask): Promise<Circumstances> {
    const { catalog, environments, ledger, clock, random } = this.#parts
    const found = catalog().scopes.get(ask.scope)
    const now = clock.now()
    const limited = found !== undefined && Object.keys(found.scope.limits).length > 0
    const usage = limited ? await ledger.usage(ask.scope, ask.environment, now) : NO_USAGE
    const environment = environments.get(ask.environment)
    return { grantId: ulid(clock, random), caller, found, environment, usage, issuedAt: now, now }
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

/** The scope's limits once more, checked by the database as the entry becomes durable. */
function usageGuard(ask: Ask, { found }: Circumstances): Guard {
  const limits = found?.scope.limits ?? {}
  if (limits.live_grants === undefined && limits.grants_per_day === undefined) return {}
  return {
    usage: {
      scope: ask.scope,
      environment: ask.environment,
      ...(limits.live_grants === undefined ? {} : { liveGrants: limits.live_grants }),
      ...(limits.grants_per_day === undefined ? {} : { grantsPerDay: limits.grants_per_day }),
    },
  }
}
