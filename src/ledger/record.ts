import type { Digest } from '../canonical.ts'
import type { NeedsApproval } from '../decision/decide.ts'
import type { Ask, Evaluation } from '../decision/evaluate.ts'
import type { Reason } from '../decision/reason.ts'
import type { Environment } from '../environment/environment.ts'
import type { Caller, ClaimValue } from '../identity/caller.ts'
import type { Catalog, CatalogScope } from '../scope/catalog.ts'
import type {
  ApprovalAsked,
  ApprovalEnded,
  ApprovalGiven,
  CatalogueLoaded,
  CredentialFailed,
  CredentialMinted,
  CredentialRefused,
  CredentialRequested,
  CredentialRevoked,
  CredentialWrapped,
  CredentialWrappingAlarm,
  EntryCaller,
  GrantDecided,
  GrantEnded,
  Handle,
  KeysLoaded,
  OpeningsErased,
  SessionEnded,
} from './entry.ts'
import { redactText } from './redaction/redaction.ts'

/** One HTTP request or one sweep: what its entries have in common. */
export interface Occasion {
  readonly request: string
  readonly now: Date
}

/** A place in a grant's own chain of entries. */
export interface Link {
  readonly grant: string
  readonly previous: number
}

function common({ request, now }: Occasion) {
  return { v: 1, time: now.toISOString(), request } as const
}

export function keysLoaded(
  occasion: Occasion,
  keys: Pick<KeysLoaded, 'log' | 'tokens' | 'next'>,
): KeysLoaded {
  return { ...common(occasion), kind: 'keys.loaded', ...keys }
}

export function openingsErased(
  occasion: Occasion,
  erased: Pick<OpeningsErased, 'of' | 'erased' | 'by'> & { readonly before: Date },
): OpeningsErased {
  const before = erased.before.toISOString()
  return { ...common(occasion), kind: 'openings.erased', ...erased, before }
}

export function catalogueLoaded(occasion: Occasion, catalog: Catalog): CatalogueLoaded {
  const scopes = [...catalog.scopes].map(([name, { digest }]): [string, Digest] => [name, digest])
  return {
    ...common(occasion),
    kind: 'catalogue.loaded',
    catalogue: catalog.digest,
    scopes: Object.fromEntries(scopes),
  }
}

/** What a decision is recorded with when people have to agree, or agreed, to it. */
export interface OfApproval {
  /** For a request that now waits: the short text that both sides see. */
  readonly code?: string
  /** For a decision about a request that waited: the newest entry of its chain. */
  readonly previous?: number
  /** Names of claims to record besides those that the scope's rules look at. */
  readonly claims?: readonly string[]
}

interface Decided {
  readonly ask: Ask
  readonly caller: Caller
  readonly found: CatalogScope | undefined
  readonly environment: Environment | undefined
  readonly grantId: string
  readonly evaluation: Evaluation
}

export function grantDecided(
  occasion: Occasion,
  decided: Decided,
  { code, previous, claims }: OfApproval = {},
): GrantDecided {
  const { ask, caller, found, environment, grantId, evaluation } = decided
  const { decision, plan } = evaluation
  return {
    ...common(occasion),
    kind: 'grant.decided',
    grant: grantId,
    ...(previous === undefined ? {} : { previous }),
    caller: entryCaller(caller, found, claims),
    scope: { name: ask.scope, ...(found === undefined ? {} : { digest: found.digest }) },
    environment: {
      name: ask.environment,
      ...(environment === undefined ? {} : { class: environment.class }),
    },
    intent: ask.intent,
    parameters: ask.parameters,
    ...(ask.breakGlass === true ? { break_glass: true } : {}),
    ...(ask.redacted === undefined ? {} : { redacted: ask.redacted }),
    ...(plan === undefined ? {} : { plan: plan.digest, blast_radius: plan.blastRadius }),
    decision: decision.outcome,
    reasons: decision.reasons,
    ...(decision.outcome === 'allow' ? { expires: decision.grant.expiresAt.toISOString() } : {}),
    ...(decision.outcome === 'needs_approval'
      ? { approval: approvalAsked(occasion, decision, code ?? '') }
      : {}),
  }
}

function approvalAsked({ now }: Occasion, decision: NeedsApproval, code: string): ApprovalAsked {
  const { rules, needs, lifeSeconds, reasonRequired, stepUp } = decision.requirement
  return {
    rules,
    needs,
    expires: new Date(now.getTime() + lifeSeconds * 1000).toISOString(),
    binding: decision.binding,
    code,
    reason_required: reasonRequired,
    step_up: stepUp.map(({ max_age, acr }) => ({
      ...(max_age === undefined ? {} : { max_age }),
      ...(acr === undefined ? {} : { acr }),
    })),
  }
}

export function approvalGiven(
  occasion: Occasion,
  link: Link,
  given: Omit<ApprovalGiven, 'kind' | keyof Link | 'v' | 'time' | 'request'>,
): ApprovalGiven {
  return { ...common(occasion), kind: 'approval.given', ...link, ...given }
}

export function approvalEnded(
  occasion: Occasion,
  link: Link,
  ended: Pick<ApprovalEnded, 'outcome' | 'reasons' | 'by'>,
): ApprovalEnded {
  return { ...common(occasion), kind: 'approval.ended', ...link, ...ended }
}

/** Records only the claims that the scope's rules look at: tokens hold much that is personal. */
export function entryCaller(
  caller: Caller,
  found?: CatalogScope,
  claimsToo: readonly string[] = [],
): EntryCaller {
  const ruled = found?.scope.allow.flatMap((rule) => Object.keys(rule.claims)) ?? []
  const wanted = new Set([...ruled, ...claimsToo])
  const claims = Object.entries(caller.claims)
    .filter(([name]) => wanted.has(name))
    .map(([name, value]): [string, ClaimValue] => [name, redactClaim(value)])
  return {
    class: caller.class,
    issuer: caller.issuer,
    subject: caller.subject,
    claims: Object.fromEntries(claims),
    ...(caller.actor === undefined ? {} : { actor: caller.actor }),
    token: caller.token,
  }
}

/** A claim that lost something to this matches no rule again: the grant is asked for anew. */
function redactClaim(value: ClaimValue): ClaimValue {
  if (typeof value === 'string') return redactText(value).text
  return typeof value === 'object' ? value.map((each) => redactText(each).text) : value
}

interface CredentialPlace {
  readonly credential: string
  readonly target: string
}

export function credentialRequested(
  occasion: Occasion,
  link: Link,
  place: CredentialPlace & { readonly handle: Handle; readonly plan: Digest },
): CredentialRequested {
  return { ...common(occasion), kind: 'credential.requested', ...link, ...place }
}

export function credentialRefused(
  occasion: Occasion,
  link: Link,
  refused: { readonly target: string; readonly reasons: readonly Reason[] },
): CredentialRefused {
  return { ...common(occasion), kind: 'credential.refused', ...link, ...refused }
}

export function credentialMinted(
  occasion: Occasion,
  link: Link,
  place: CredentialPlace,
  minted: {
    readonly fingerprint: string
    readonly expiresAt: Date
    readonly facts: CredentialMinted['facts']
    readonly handle?: Handle
  },
): CredentialMinted {
  const { fingerprint, expiresAt, facts, handle } = minted
  return {
    ...common(occasion),
    kind: 'credential.minted',
    ...link,
    ...place,
    fingerprint,
    expires: expiresAt.toISOString(),
    ...(handle === undefined ? {} : { handle }),
    facts,
  }
}

export function credentialFailed(
  occasion: Occasion,
  link: Link,
  place: CredentialPlace,
  code: string,
): CredentialFailed {
  return { ...common(occasion), kind: 'credential.failed', ...link, ...place, code }
}

export function credentialRevoked(
  occasion: Occasion,
  link: Link,
  place: CredentialPlace,
  revoked:
    | { readonly outcome: 'gone' }
    | { readonly outcome: 'denied' | 'expires'; readonly expiresAt: Date },
): CredentialRevoked {
  return {
    ...common(occasion),
    kind: 'credential.revoked',
    ...link,
    ...place,
    outcome: revoked.outcome,
    ...(revoked.outcome === 'gone' ? {} : { expires: revoked.expiresAt.toISOString() }),
  }
}

export function credentialWrapped(
  occasion: Occasion,
  link: Link,
  place: CredentialPlace,
  wrapped: { readonly accessor: string; readonly expiresAt: Date },
): CredentialWrapped {
  const { accessor, expiresAt } = wrapped
  const expires = expiresAt.toISOString()
  return { ...common(occasion), kind: 'credential.wrapped', ...link, ...place, accessor, expires }
}

export function credentialWrappingAlarm(
  occasion: Occasion,
  link: Link,
  place: CredentialPlace,
  alarm: Pick<CredentialWrappingAlarm, 'accessor' | 'finding'>,
): CredentialWrappingAlarm {
  return { ...common(occasion), kind: 'credential.wrapping_alarm', ...link, ...place, ...alarm }
}

export function sessionEnded(
  occasion: Occasion,
  link: Link,
  session: Pick<SessionEnded, 'target' | 'login' | 'breach' | 'detail'>,
): SessionEnded {
  return { ...common(occasion), kind: 'session.ended', ...link, ...session }
}

export function grantEnded(
  occasion: Occasion,
  link: Link,
  cause: GrantEnded['cause'],
  by?: EntryCaller,
): GrantEnded {
  const common_ = { ...common(occasion), kind: 'grant.ended', ...link, cause } as const
  return by === undefined ? common_ : { ...common_, by }
}
