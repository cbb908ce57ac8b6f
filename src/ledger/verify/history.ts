import { beginWaiting, hearWord, redemptionProblem, type Waiting } from './approvals.ts'
import type { Fact } from './fact.ts'
import type { Finding, FindingCode } from './finding.ts'

/** Clocks of replicas differ, and entries are decided before they are appended. */
const CLOCK_SLACK_MS = 120_000
/** AWS gives no session of less than 15 minutes, whatever is left of the grant. */
const SHORTEST_SESSION_MS = 900_000
const END_SLACK_MS = 3_600_000
const FORGET_EVERY = 16_384

type OfGrant = Extract<Fact, { readonly grant: string }>
/** Says how a credential left, and neither makes nor ends it. */
type Delivery = Extract<Fact, { readonly kind: 'credential.wrapped' | 'credential.wrapping_alarm' }>
type OfCredential = Exclude<Extract<Fact, { readonly credential: string }>, Delivery>

type Minted = Extract<Fact, { readonly kind: 'credential.minted' }>

interface Credential {
  readonly target: string
  status: 'requested' | 'minted' | 'finished'
}

interface Grant {
  readonly allowed: boolean
  readonly expires: number
  readonly plan: string | undefined
  readonly indexes: number[]
  readonly credentials: Map<string, Credential>
  /** While people are asked, and for as long as their word is needed. */
  readonly waiting?: Waiting
  ended: boolean
}

/** A history as plain data, to go on with it later. */
export interface HistoryState {
  readonly newest: number
  readonly scopes: readonly string[]
  readonly grants: readonly (Omit<Grant, 'credentials'> & {
    readonly id: string
    readonly credentials: readonly (Credential & { readonly id: string })[]
  })[]
}

/**
 * Reads entries in order and tells where they contradict each other: what the broker must never
 * have done, whatever its database said. Grants that are over are forgotten, so that memory does
 * not grow with the log.
 */
export class History {
  readonly #grants = new Map<string, Grant>()
  readonly #scopes = new Set<string>()
  readonly #findings: Finding[] = []
  #newest = 0

  save(): HistoryState {
    const grants = [...this.#grants].map(([id, { credentials, ...grant }]) => ({
      id,
      ...structuredClone(grant),
      credentials: [...credentials].map(([credential, state]) => ({ id: credential, ...state })),
    }))
    return { newest: this.#newest, scopes: [...this.#scopes], grants }
  }

  restore({ newest, scopes, grants }: HistoryState): void {
    this.#newest = newest
    for (const digest of scopes) this.#scopes.add(digest)
    for (const { id, credentials, ...grant } of grants) {
      const known = credentials.map(({ id: name, ...state }): [string, Credential] => [name, state])
      this.#grants.set(id, { ...grant, credentials: new Map(known) })
    }
  }

  /** What the entry contradicts. */
  check(index: number, entry: Fact): readonly Finding[] {
    this.#findings.length = 0
    if (index % FORGET_EVERY === 0) this.#forget()
    const time = Date.parse(entry.time)
    const back = time < this.#newest - CLOCK_SLACK_MS
    if (back) this.#found('time_backwards', index, 'is older than entries before it')
    // Each jump is told once, not again for everything after it.
    this.#newest = back ? time : Math.max(this.#newest, time)
    if (entry.kind === 'catalogue.loaded') {
      for (const digest of Object.values(entry.scopes)) this.#scopes.add(digest)
    } else if (entry.kind === 'grant.decided') {
      this.#decided(index, entry)
    } else if ('grant' in entry) {
      this.#continued(index, entry, time)
    }
    return [...this.#findings]
  }

  /** What is left open at the end of the log. */
  finish(): readonly Finding[] {
    this.#findings.length = 0
    for (const grant of this.#grants.values()) {
      if (!grant.allowed || grant.ended || grant.expires > this.#newest - END_SLACK_MS) continue
      const message = 'is long past its time and has no end'
      this.#found('grant_not_ended', grant.indexes[0] ?? 0, message)
    }
    return [...this.#findings]
  }

  #decided(index: number, entry: Extract<Fact, { readonly kind: 'grant.decided' }>): void {
    const { grant: id, plan, scope, decision, expires } = entry
    const before = this.#grants.get(id)
    if (before !== undefined) this.#again(index, entry, before)
    else if (entry.previous !== undefined) {
      this.#found('approval_missing', index, 'follows a request that nobody made')
    }
    const allowed = decision === 'allow'
    if (allowed && !this.#scopes.has(scope.digest ?? '')) {
      this.#found('scope_not_loaded', index, 'allows by a scope that no loaded catalogue had')
    }
    const { approval } = entry
    const ends = Date.parse(expires ?? approval?.expires ?? entry.time)
    const indexes = [...(before?.indexes ?? []), index]
    const waiting = approval && beginWaiting({ ...entry, approval })
    const state = { allowed, expires: ends, plan, indexes, ended: !allowed }
    const grant = { ...state, credentials: new Map() }
    this.#grants.set(id, waiting === undefined ? grant : { ...grant, waiting })
  }

  /** A second decision follows a request that people approved, and nothing else. */
  #again(index: number, entry: Extract<Fact, { readonly kind: 'grant.decided' }>, before: Grant) {
    const { grant: id, plan, previous, time } = entry
    const { waiting } = before
    if (waiting === undefined || previous === undefined) {
      this.#found('grant_repeated', index, `decides ${id} again`)
      return
    }
    if (previous !== before.indexes.at(-1)) {
      this.#found('chain_broken', index, 'does not continue the newest entry of its request')
    }
    const problem = redemptionProblem(waiting, { plan }, Date.parse(time))
    if (problem !== undefined) this.#found('approval_missing', index, problem)
  }

  #ofApproval(
    index: number,
    entry: Extract<Fact, { readonly kind: 'approval.given' | 'approval.ended' }>,
    { waiting }: Grant,
    time: number,
  ): void {
    if (waiting === undefined) {
      this.#found('approval_invalid', index, 'is about a request that nobody made')
    } else if (entry.kind === 'approval.given') {
      const problem = hearWord(waiting, entry, time)
      if (problem !== undefined) this.#found('approval_invalid', index, problem)
    } else {
      const open = waiting.status === 'pending' || waiting.status === 'approved'
      if (!open) this.#found('approval_invalid', index, 'ends a request that was over')
      waiting.status = 'over'
    }
  }

  #continued(
    index: number,
    entry: Exclude<OfGrant, { kind: 'grant.decided' }>,
    time: number,
  ): void {
    const grant = this.#grants.get(entry.grant)
    if (grant === undefined) {
      this.#found('grant_unknown', index, `is about ${entry.grant}, which is not under way`)
      return
    }
    if (!grant.indexes.includes(entry.previous ?? -1)) {
      this.#found('chain_broken', index, 'does not continue an earlier entry of its grant')
    }
    grant.indexes.push(index)
    if (entry.kind === 'approval.given' || entry.kind === 'approval.ended') {
      this.#ofApproval(index, entry, grant, time)
    } else if (entry.kind === 'grant.ended') {
      if (grant.ended) this.#found('grant_over', index, `ends ${entry.grant} again`)
      grant.ended = true
    } else if (entry.kind === 'credential.wrapped' || entry.kind === 'credential.wrapping_alarm') {
      this.#delivered(index, entry, grant)
    } else if ('credential' in entry) {
      this.#ofCredential(index, entry, grant, time)
    }
  }

  /** Only what was minted and not yet ended can be given out; an alarm may come after its end. */
  #delivered(index: number, entry: Delivery, grant: Grant): void {
    const credential = grant.credentials.get(entry.credential)
    if (credential === undefined || credential.target !== entry.target) {
      this.#found('credential_unknown', index, 'is about a credential never requested')
    } else if (entry.kind === 'credential.wrapped' && credential.status !== 'minted') {
      this.#found('credential_finished', index, 'gives out a credential that is not there')
    }
  }

  #ofCredential(index: number, entry: OfCredential, grant: Grant, time: number): void {
    if (entry.kind === 'credential.requested' || entry.kind === 'credential.minted') {
      if (!grant.allowed) {
        this.#found('grant_not_allowed', index, 'is a credential without an allow decision')
      } else if (grant.ended || time >= grant.expires) {
        this.#found('grant_over', index, 'is a credential of a grant that is over')
      }
    }
    if (entry.kind === 'credential.requested') this.#requested(index, entry, grant)
    else this.#outcome(index, entry, grant, time)
  }

  #outcome(
    index: number,
    entry: Exclude<OfCredential, { readonly kind: 'credential.requested' }>,
    grant: Grant,
    time: number,
  ): void {
    const credential = grant.credentials.get(entry.credential)
    if (credential === undefined || credential.target !== entry.target) {
      this.#found('credential_unknown', index, 'is about a credential never requested')
      return
    }
    const again = entry.kind === 'credential.minted' && credential.status !== 'requested'
    if (again || credential.status === 'finished') {
      this.#found('credential_finished', index, 'is a second outcome of its credential')
    }
    if (entry.kind === 'credential.minted') this.#minted(index, entry, grant, time)
    credential.status = entry.kind === 'credential.minted' ? 'minted' : 'finished'
  }

  #requested(
    index: number,
    entry: Extract<Fact, { readonly kind: 'credential.requested' }>,
    grant: Grant,
  ): void {
    const { credential, target, plan } = entry
    if (grant.credentials.has(credential)) {
      this.#found('credential_repeated', index, 'requests a credential again')
    }
    if (grant.allowed && plan !== grant.plan) {
      this.#found('plan_mismatch', index, 'is for another plan than the one that was allowed')
    }
    grant.credentials.set(credential, { target, status: 'requested' })
  }

  #minted(index: number, entry: Minted, grant: Grant, time: number): void {
    const latest = Math.max(grant.expires, time + SHORTEST_SESSION_MS) + CLOCK_SLACK_MS
    if (Date.parse(entry.expires) <= latest) return
    this.#found('credential_outlives_grant', index, 'is a credential that outlives its grant')
  }

  /** Grants that are over and have nothing open: nothing may follow, so nothing need be known. */
  #forget(): void {
    for (const [id, grant] of this.#grants) {
      const open = [...grant.credentials.values()].some(({ status }) => status !== 'finished')
      const over = grant.ended && this.#newest > grant.expires + END_SLACK_MS
      if (over && !open) this.#grants.delete(id)
    }
  }

  #found(code: FindingCode, index: number, message: string): void {
    this.#findings.push({ code, index, message: `entry ${index} ${message}` })
  }
}
