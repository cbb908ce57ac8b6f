import type { Digest } from '../canonical.ts'
import type { Redaction } from '../decision/evaluate.ts'
import type { Reason } from '../decision/reason.ts'
import type { EnvironmentClass } from '../environment/environment.ts'
import type { Actor, CallerClass, ClaimValue } from '../identity/caller.ts'
import type { BlastRadius } from '../plan/blast-radius.ts'
import type { Parameters } from '../plan/parameters.ts'
import type { Committed } from './commitment.ts'
import type { Announcement } from './key-change.ts'

/**
 * What the log records. An entry is the RFC 8785 form of one of these, at most 65,535 bytes, and
 * holds no secret: tokens and passwords appear as digests or not at all.
 */
export type Entry =
  | CatalogueLoaded
  | KeysLoaded
  | GrantDecided
  | ApprovalGiven
  | ApprovalEnded
  | CredentialRequested
  | CredentialRefused
  | CredentialMinted
  | CredentialFailed
  | CredentialRevoked
  | CredentialWrapped
  | CredentialWrappingAlarm
  | SessionEnded
  | GrantEnded
  | OpeningsErased

interface Common {
  /** Version of the entry's shape. */
  readonly v: 1
  /** When the broker decided or learned it: RFC 3339, UTC, milliseconds. */
  readonly time: string
  /** One id for everything done for one HTTP request or lifecycle sweep. */
  readonly request: string
}

interface OfGrant extends Common {
  readonly grant: string
  /** Index of the grant's entry before this one; absent on its first. */
  readonly previous?: number
}

/** The scopes that later entries refer to: which catalogue the broker works from, since when. */
export interface CatalogueLoaded extends Common {
  readonly kind: 'catalogue.loaded'
  readonly catalogue: Digest
  readonly scopes: Readonly<Record<string, Digest>>
}

/** The keys that a broker signs with from now on: the history of keys is in the log itself. */
export interface KeysLoaded extends Common {
  readonly kind: 'keys.loaded'
  /** Public key of the log (vkey). */
  readonly log: string
  /** RFC 7638 thumbprints of the keys of grant tokens: the one that signs first. */
  readonly tokens: readonly string[]
  /** The key that comes after `log`, announced under its signature. */
  readonly next?: Announcement
}

export interface EntryCaller {
  readonly class: CallerClass
  readonly issuer: string
  readonly subject: string
  /** Only claims that the scope's rules look at. */
  readonly claims: Readonly<Record<string, ClaimValue>>
  /** Who acts for the subject, newest first, when it is not the subject itself. */
  readonly actor?: Actor
  readonly token: string
}

/** The answer to one authenticated caller, refusals included. */
export interface GrantDecided extends OfGrant {
  readonly kind: 'grant.decided'
  readonly caller: EntryCaller
  readonly scope: { readonly name: string; readonly digest?: Digest }
  readonly environment: { readonly name: string; readonly class?: EnvironmentClass }
  readonly intent: string
  readonly parameters: Parameters
  /** Asked as an emergency: windows, freezes and rules that refuse were lifted. */
  readonly break_glass?: boolean
  /** What the caller sent and this entry does not hold. */
  readonly redacted?: readonly Redaction[]
  /** Values that are committed to and not recorded: `[committed]` stands in their place. */
  readonly committed?: Committed
  readonly plan?: Digest
  readonly blast_radius?: BlastRadius
  readonly decision: 'allow' | 'deny' | 'needs_approval'
  readonly reasons: readonly Reason[]
  /** Present exactly when allowed. */
  readonly expires?: string
  /** Present exactly when people have to agree first. */
  readonly approval?: ApprovalAsked
}

/** What is asked of people. The request bears the id of the grant that may come of it. */
export interface ApprovalAsked {
  /** Names of the thresholds that ask for it. */
  readonly rules: readonly string[]
  /** How many members of which groups must agree; each person counts once. */
  readonly needs: readonly { readonly group: string; readonly count: number }[]
  /** From then on the request is over, approved or not, and with it whatever rests on it. */
  readonly expires: string
  /** Everything an approval is bound to, as one digest. */
  readonly binding: Digest
  /** Short text that the requester and the approvers both see, to match what they talk about. */
  readonly code: string
  readonly reason_required: boolean
  /** What the login of an approver must be like; every one of these. */
  readonly step_up: readonly { readonly max_age?: number; readonly acr?: readonly string[] }[]
}

export const APPROVAL_CHANNELS = ['api', 'cli', 'console', 'slack', 'github'] as const
export type ApprovalChannel = (typeof APPROVAL_CHANNELS)[number]

/** One person's word on a request that waits for it. */
export interface ApprovalGiven extends OfGrant {
  readonly kind: 'approval.given'
  readonly verdict: 'approve' | 'deny'
  readonly by: EntryCaller
  /** As in a decision: claims of the person that are committed to. */
  readonly committed?: Committed
  /** The group of the request's needs that the person spoke for. */
  readonly group: string
  readonly reason?: string
  /** The plan that the person was shown. */
  readonly plan: Digest
  readonly via: ApprovalChannel
  /** How the person had signed in, as far as the issuer says. */
  readonly assurance: { readonly acr?: string; readonly auth_time?: number }
  /** Where the word was given, such as a message or a review. */
  readonly facts?: Readonly<Record<string, string | number>>
  /** Present when this word settled the request. */
  readonly settles?: 'approved' | 'denied'
}

/** A request that nothing comes of any more, denied ones apart. */
export interface ApprovalEnded extends OfGrant {
  readonly kind: 'approval.ended'
  readonly outcome: 'expired' | 'void' | 'cancelled'
  /** Why it is void. */
  readonly reasons: readonly Reason[]
  /** Who cancelled it. */
  readonly by?: EntryCaller
}

interface OfCredential extends OfGrant {
  readonly credential: string
  readonly target: string
}

/** Where a credential will exist, written before it does, so that a crash leaves no orphan. */
export type Handle =
  | { readonly kind: 'postgres'; readonly login: string; readonly group: string }
  | { readonly kind: 'aws'; readonly role: string; readonly session: string }
  | VaultHandle

/** Vault finds everything that a token made by the token's accessor. */
export interface VaultHandle {
  readonly kind: 'vault'
  /** What Vault makes for us. */
  readonly gives: 'postgres' | 'mysql' | 'aws'
  readonly role: string
  /** Present from the request on: the token exists before the credential. */
  readonly accessor?: string
  /** Known once the credential exists. */
  readonly lease?: string
}

/** Durable before minting starts (invariant 5). */
export interface CredentialRequested extends OfCredential {
  readonly kind: 'credential.requested'
  readonly handle: Handle
  readonly plan: Digest
}

/** The decision was looked at again for this fetch and is no longer `allow`. */
export interface CredentialRefused extends OfGrant {
  readonly kind: 'credential.refused'
  readonly target: string
  readonly reasons: readonly Reason[]
}

/** Durable before the credential leaves the broker. */
export interface CredentialMinted extends OfCredential {
  readonly kind: 'credential.minted'
  /** Names the credential without giving it: an AWS access key id, a PostgreSQL login. */
  readonly fingerprint: string
  readonly expires: string
  /** Once more, when minting added to it. */
  readonly handle?: Handle
  /** Facts about the mint that an auditor joins on, such as an STS request id. */
  readonly facts: Readonly<Record<string, string | number>>
}

export interface CredentialFailed extends OfCredential {
  readonly kind: 'credential.failed'
  /** A stable code; `interrupted` when a broker died between request and outcome. */
  readonly code: string
}

export interface CredentialRevoked extends OfCredential {
  readonly kind: 'credential.revoked'
  /**
   * `gone`: seen to be unusable. `denied`: a deny is in place, which may take minutes to hold
   * everywhere. `expires`: nothing can end it before this time.
   */
  readonly outcome: 'gone' | 'denied' | 'expires'
  readonly expires?: string
}

/** A credential left the broker inside a wrapping token of Vault's, which opens once. */
export interface CredentialWrapped extends OfCredential {
  readonly kind: 'credential.wrapped'
  /** Names the wrapping token without being one. */
  readonly accessor: string
  /** From then on it opens for nobody. */
  readonly expires: string
}

/** Whom a wrapped credential was for could not open it, and Vault does not have the wrapping any more. */
export interface CredentialWrappingAlarm extends OfCredential {
  readonly kind: 'credential.wrapping_alarm'
  readonly accessor: string
  /** `taken`: gone before its time, so somebody opened it. `lapsed`: past its time, nobody can tell. */
  readonly finding: 'taken' | 'lapsed'
}

/** The broker ended one session of a credential because it exceeded a limit of its scope. */
export interface SessionEnded extends OfGrant {
  readonly kind: 'session.ended'
  readonly target: string
  readonly login: string
  /** Which limit. */
  readonly breach: string
  readonly detail: string
}

/** Values behind commitments were made unreadable. The entries that commit to them stay. */
export interface OpeningsErased extends Common {
  readonly kind: 'openings.erased'
  /** One grant or refusal; `all`: of every grant that was over. */
  readonly of: string
  /** Values that were kept before this time. */
  readonly before: string
  readonly erased: number
  /** Who asked for it; absent when a retention did. */
  readonly by?: EntryCaller
}

export interface GrantEnded extends OfGrant {
  readonly kind: 'grant.ended'
  /** `closed`: a window closed or a freeze began over it. */
  readonly cause: 'caller' | 'operator' | 'expired' | 'closed'
  /** Who ended it, for `caller` and `operator`. */
  readonly by?: EntryCaller
}
