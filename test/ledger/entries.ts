import type { Digest } from '../../src/canonical.ts'
import type {
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
  OpeningsErased,
} from '../../src/ledger/entry.ts'

const DIGEST: Digest = `sha256:${'ab'.repeat(32)}`
export const T0 = Date.parse('2026-11-20T10:00:00.000Z')

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A ULID that counts: small numbers make readable, ordered ids. */
export function id(number: number): string {
  let text = ''
  for (let rest = number, at = 0; at < 24; at += 1, rest = Math.floor(rest / 32)) {
    text = ALPHABET[rest % 32] + text
  }
  return `01${text}`
}

export const at = (seconds: number) => new Date(T0 + seconds * 1000).toISOString()

const common = (seconds: number) => ({ v: 1, time: at(seconds), request: id(1) }) as const

export const caller: EntryCaller = {
  class: 'agent',
  issuer: 'agents',
  subject: 'agent-7',
  claims: { team: 'orders', groups: ['a', 'b'], level: 3, trusted: true },
  token: DIGEST,
}

/** An allowed grant of 900 seconds, issued at second 0 unless told otherwise. */
export function allowed(grant: string, change: Partial<GrantDecided> = {}): GrantDecided {
  return {
    ...common(0),
    kind: 'grant.decided',
    grant,
    caller,
    scope: { name: 'backfill-order-totals', digest: DIGEST },
    environment: { name: 'staging', class: 'nonprod' },
    intent: 'Recompute totals of orders placed before the currency fix',
    parameters: { ticket: 'ORD-481' },
    plan: DIGEST,
    blast_radius: {
      environment: 'staging',
      environmentClass: 'nonprod',
      ttlSeconds: 900,
      accounts: [],
      databases: 1,
      tables: 2,
      tablesBy: { select: 2, insert: 0, update: 1, delete: 0 },
      resources: { named: 0, wildcard: 0 },
      actionsBy: {},
    },
    decision: 'allow',
    reasons: [{ code: 'allowed', message: 'rule 1 allows it' }],
    expires: at(900),
    ...change,
  }
}

export function denied(grant: string): GrantDecided {
  const { expires: _, ...rest } = allowed(grant)
  return { ...rest, decision: 'deny', reasons: [{ code: 'claim_mismatch', message: 'no' }] }
}

/** A request for the approval of two members of `dba`, good for an hour. */
export function waiting(grant: string, change: Partial<GrantDecided> = {}): GrantDecided {
  return {
    ...denied(grant),
    decision: 'needs_approval',
    reasons: [{ code: 'approval_required', message: 'deletes: 2 of dba' }],
    approval: {
      rules: ['deletes'],
      needs: [{ group: 'dba', count: 2 }],
      expires: at(3600),
      binding: DIGEST,
      code: 'ABCD-0123',
      reason_required: false,
      step_up: [{ max_age: 900, acr: ['phr'] }],
    },
    ...change,
  }
}

export function person(subject: string): EntryCaller {
  return { class: 'human', issuer: 'people', subject, claims: { groups: ['dba'] }, token: DIGEST }
}

export function given(
  grant: string,
  previous: number,
  change: Partial<ApprovalGiven> = {},
): ApprovalGiven {
  return {
    ...common(60),
    kind: 'approval.given',
    grant,
    previous,
    verdict: 'approve',
    by: person('ann'),
    group: 'dba',
    plan: DIGEST,
    via: 'api',
    assurance: { acr: 'phr', auth_time: 1_795_000_000 },
    ...change,
  }
}

export function overdue(grant: string, previous: number): ApprovalEnded {
  return {
    ...common(3600),
    kind: 'approval.ended',
    grant,
    previous,
    outcome: 'expired',
    reasons: [],
  }
}

export function requested(
  grant: string,
  previous: number,
  credential: string,
  seconds = 1,
): CredentialRequested {
  return {
    ...common(seconds),
    kind: 'credential.requested',
    grant,
    previous,
    credential,
    target: 'orders-db',
    handle: { kind: 'postgres', login: 'cbg_x', group: 'cbs_x' },
    plan: DIGEST,
  }
}

export function minted(
  grant: string,
  previous: number,
  credential: string,
  change: Partial<CredentialMinted> = {},
): CredentialMinted {
  return {
    ...common(2),
    kind: 'credential.minted',
    grant,
    previous,
    credential,
    target: 'orders-db',
    fingerprint: 'cbg_x',
    expires: at(900),
    facts: { database: 'orders', connections: 2 },
    ...change,
  }
}

export function failed(grant: string, previous: number, credential: string): CredentialFailed {
  const place = { grant, previous, credential, target: 'orders-db' }
  return { ...common(2), kind: 'credential.failed', ...place, code: 'target_unavailable' }
}

export function revoked(
  grant: string,
  previous: number,
  credential: string,
  seconds = 3,
): CredentialRevoked {
  const place = { grant, previous, credential, target: 'orders-db' }
  return { ...common(seconds), kind: 'credential.revoked', ...place, outcome: 'gone' }
}

export function wrapped(grant: string, previous: number, credential: string): CredentialWrapped {
  const place = { grant, previous, credential, target: 'orders-db', accessor: 'a-1' }
  return { ...common(3), kind: 'credential.wrapped', ...place, expires: at(63) }
}

export function wrappingAlarm(
  grant: string,
  previous: number,
  credential: string,
): CredentialWrappingAlarm {
  const place = { grant, previous, credential, target: 'orders-db', accessor: 'a-1' }
  return { ...common(4), kind: 'credential.wrapping_alarm', ...place, finding: 'taken' }
}

export function refused(grant: string, previous: number): CredentialRefused {
  const reasons = [{ code: 'plan_changed', message: 'the scope changed' }] as const
  return {
    ...common(3),
    kind: 'credential.refused',
    grant,
    previous,
    target: 'orders-db',
    reasons,
  }
}

export function ended(grant: string, previous: number, seconds = 4): GrantEnded {
  return { ...common(seconds), kind: 'grant.ended', grant, previous, cause: 'caller', by: caller }
}

export function catalogue(seconds = 0): CatalogueLoaded {
  return {
    ...common(seconds),
    kind: 'catalogue.loaded',
    catalogue: DIGEST,
    scopes: { 'backfill-order-totals': DIGEST },
  }
}

export function erased(): OpeningsErased {
  const of = { of: id(7), before: at(90), erased: 3, by: caller }
  return { ...common(100), kind: 'openings.erased', ...of }
}

/** One of each kind. */
export const entries = {
  catalogue: catalogue(),
  decided: allowed(id(7)),
  requested: requested(id(7), 1, id(8)),
  refused: refused(id(7), 1),
  minted: minted(id(7), 2, id(8)),
  failed: failed(id(7), 2, id(8)),
  revoked: { ...revoked(id(7), 3, id(8)) },
  ended: ended(id(7), 4),
  erased: erased(),
  waiting: waiting(id(9)),
  approved: given(id(9), 5),
  overdue: overdue(id(9), 6),
}
