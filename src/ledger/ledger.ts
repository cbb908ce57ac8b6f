import type { Digest } from '../canonical.ts'
import type { Usage } from '../decision/request.ts'
import type { CallerClass } from '../identity/caller.ts'
import type { BlastRadius } from '../plan/blast-radius.ts'
import type { Parameters } from '../plan/parameters.ts'
import type { ApprovalStatus } from './changes.ts'
import type { Committed } from './commitment.ts'
import type { ApprovalAsked, ApprovalGiven, Entry, EntryCaller, Handle } from './entry.ts'

/** Where an entry stands once it is durable. */
export interface Appended {
  readonly index: number
  /** Hash of the leaf: SHA-256(0x00 || entry). */
  readonly leaf: Buffer
}

/** What must still hold at the moment an entry becomes durable, across all replicas. */
export interface Guard {
  /** Bounds on other grants of this scope in this environment; absent means unbounded. */
  readonly usage?: {
    readonly scope: string
    readonly environment: string
    readonly liveGrants?: number
    readonly grantsPerDay?: number
  }
  /** The entry's grant: `unended` has no end entry yet, `live` has not expired either. */
  readonly grant?: 'unended' | 'live'
  /**
   * `new`: no request for exactly this waits or is approved. Otherwise: the entry's request stands
   * at one of these and `previous` is the newest entry of its chain, so that of two words given at
   * once the second is given anew, with the first one seen.
   */
  readonly approval?: 'new' | readonly ApprovalStatus[]
  /** The entry's credential has no final outcome yet: its status is `requested` or `minted`. */
  readonly credential?: 'open'
}

/** A request for approval, read from the entries of its chain. */
export interface ApprovalState {
  /** Also the id of the grant that may come of it. */
  readonly id: string
  readonly status: ApprovalStatus
  readonly scope: string
  readonly scopeDigest: Digest
  readonly environment: string
  readonly plan: Digest
  readonly blastRadius: BlastRadius | undefined
  readonly parameters: Parameters
  readonly intent: string
  /** An emergency. */
  readonly breakGlass: boolean
  readonly caller: EntryCaller
  readonly committed?: Committed
  readonly asked: ApprovalAsked
  readonly askedAt: Date
  readonly expiresAt: Date
  /** Every word that was given, oldest first. */
  readonly given: readonly ApprovalGiven[]
  /** Index of the newest entry of its chain. */
  readonly lastIndex: number
}

export interface ApprovalFilter {
  readonly statuses?: readonly ApprovalStatus[]
  readonly scope?: string
  readonly environment?: string
  /** Only requests that need one of these groups. */
  readonly groups?: readonly string[]
  /** Only requests of this identity, or of everybody else. */
  readonly owner?: { readonly issuer: string; readonly subject: string }
  readonly notOwner?: { readonly issuer: string; readonly subject: string }
  /** Only the request for exactly this. */
  readonly binding?: Digest
  /** Only requests that end after, or not after, this time. */
  readonly endsAfter?: Date
  readonly endsBy?: Date
  readonly limit: number
  /** Requests with an id smaller than this: pages run from the newest to the oldest. */
  readonly before?: string
}

export interface GrantState {
  readonly id: string
  readonly scope: string
  readonly scopeDigest: Digest
  readonly environment: string
  readonly plan: Digest
  readonly parameters: Parameters
  readonly intent: string
  /** An emergency. */
  readonly breakGlass: boolean
  readonly caller: EntryCaller
  /** What the log only commits to: `[committed]` above where its opening was erased. */
  readonly committed?: Committed
  readonly issuedAt: Date
  readonly expiresAt: Date
  /** People agreed to it: the ledger has their approvals under the same id. */
  readonly approved: boolean
  readonly ended: { readonly at: Date; readonly cause: string } | undefined
  /** Index of the newest entry of this grant. */
  readonly lastIndex: number
}

export type CredentialStatus = 'requested' | 'minted' | 'failed' | 'revoked'

export interface CredentialState {
  readonly id: string
  readonly grant: string
  readonly target: string
  readonly environment: string
  readonly handle: Handle
  /** What the log calls it, for what Vault minted: its handle does not name the login. */
  readonly fingerprint?: string
  readonly status: CredentialStatus
  readonly requestedAt: Date
  readonly expiresAt: Date | undefined
}

/** A credential that was given out inside a wrapping token of Vault's. */
export interface Delivery {
  readonly credential: string
  readonly target: string
  readonly accessor: string
  readonly expiresAt: Date
}

export interface GrantFilter {
  readonly live?: boolean
  readonly scope?: string
  readonly environment?: string
  readonly class?: CallerClass
  /** Only grants of callers of one of these. */
  readonly classes?: readonly CallerClass[]
  /** Only grants of this identity. */
  readonly owner?: { readonly issuer: string; readonly subject: string }
  readonly limit: number
  /** Grants with an id smaller than this: pages run from the newest to the oldest. */
  readonly before?: string
}

/**
 * The append-only log and the state derived from it. When `append` resolves, the entry, its place
 * in the signed tree and the state it implies are durable together; when it rejects, none of them
 * is, and the caller must not act as if it were recorded. One exception: when the database went
 * away during a commit and stayed away, `ledger_unavailable` leaves open whether the entry is there;
 * the caller does nothing on it, and what was recorded ends as if nobody had fetched it.
 *
 * Errors: `ledger_unavailable` (try later), `limit_reached` (a bound no longer holds; decide
 * again), `grant_ended` (the grant or credential is already finished),
 * `approval_settled` (the request for approval moved on: read it again), `ledger_diverged` (the
 * database holds a tree this key never signed: stop), `request_too_large` (more than an entry
 * holds).
 */
export interface Ledger {
  append(entry: Entry, guard?: Guard): Promise<Appended>
  grant(id: string): Promise<GrantState | undefined>
  grants(filter: GrantFilter): Promise<readonly GrantState[]>
  credentials(grant: string): Promise<readonly CredentialState[]>
  /** What left the broker wrapped under a grant, oldest first. */
  deliveries(grant: string): Promise<readonly Delivery[]>
  usage(scope: string, environment: string, now: Date): Promise<Usage>
  /** Grants past their end without an end entry, oldest first. */
  expired(now: Date, limit: number): Promise<readonly GrantState[]>
  /** Credentials that still need work at their target: of ended grants, or without an outcome. */
  unfinished(now: Date, limit: number): Promise<readonly CredentialState[]>
  /** Credentials that were minted and not yet revoked, of live and of ended grants. */
  minted(): Promise<readonly CredentialState[]>
  /**
   * Runs a task that at most one replica may run at a time, or returns undefined at once when
   * another one is running it.
   */
  exclusively<T>(task: string, run: () => Promise<T>): Promise<T | undefined>
  approval(id: string): Promise<ApprovalState | undefined>
  approvals(filter: ApprovalFilter): Promise<readonly ApprovalState[]>
  /** Throws when an append could not succeed now. Writes nothing. */
  ready(): Promise<void>
  close(): Promise<void>
}
