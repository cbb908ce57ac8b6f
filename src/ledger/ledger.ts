import type { Digest } from '../canonical.ts'
import type { Usage } from '../decision/limits.ts'
import type { CallerClass } from '../identity/caller.ts'
import type { Parameters } from '../plan/parameters.ts'
import type { Entry, EntryCaller, Handle } from './entry.ts'

/** Where an entry stands once it is durable. */
export interface Appended {
  readonly index: number
  /** Hash of the leaf: SHA-256(0x00 || entry). */
  readonly leaf: Buffer
}

/** A bound that must still hold at the moment an entry becomes durable, across all replicas. */
export interface Guard {
  readonly scope: string
  readonly environment: string
  readonly liveGrants?: number
  readonly grantsPerDay?: number
}

export interface GrantState {
  readonly id: string
  readonly scope: string
  readonly scopeDigest: Digest
  readonly environment: string
  readonly plan: Digest
  readonly parameters: Parameters
  readonly intent: string
  readonly caller: EntryCaller
  readonly issuedAt: Date
  readonly expiresAt: Date
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
  readonly status: CredentialStatus
  readonly requestedAt: Date
  readonly expiresAt: Date | undefined
}

export interface GrantFilter {
  readonly live?: boolean
  readonly scope?: string
  readonly environment?: string
  readonly class?: CallerClass
  /** Only grants of this identity. */
  readonly owner?: { readonly issuer: string; readonly subject: string }
  readonly limit: number
  /** Grants with an id smaller than this: pages run from the newest to the oldest. */
  readonly before?: string
}

/**
 * The append-only log and the state derived from it. When `append` resolves, the entry, its place
 * in the signed tree and the state it implies are durable together; when it rejects, none of them
 * is, and the caller must not act as if it were recorded.
 *
 * Errors: `ledger_unavailable` (try later), `limit_reached` (the guard no longer holds; decide
 * again), `ledger_diverged` (the database holds a tree this key never signed: stop).
 */
export interface Ledger {
  append(entry: Entry, guard?: Guard): Promise<Appended>
  grant(id: string): Promise<GrantState | undefined>
  grants(filter: GrantFilter): Promise<readonly GrantState[]>
  credentials(grant: string): Promise<readonly CredentialState[]>
  usage(scope: string, environment: string, now: Date): Promise<Usage>
  /** Grants past their end without an end entry, oldest first. */
  expired(now: Date, limit: number): Promise<readonly GrantState[]>
  /** Credentials that still need work at their target: of ended grants, or without an outcome. */
  unfinished(now: Date, limit: number): Promise<readonly CredentialState[]>
  /** Throws when an append could not succeed now. Writes nothing. */
  ready(): Promise<void>
}
