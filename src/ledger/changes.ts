import type { Entry, GrantDecided } from './entry.ts'

/**
 * Where a request for approval stands. It leaves `pending` exactly once; from `approved` it can
 * only end, as a grant (`redeemed`) or without one.
 */
export const APPROVAL_STATUSES = [
  'pending',
  'approved',
  'denied',
  'redeemed',
  'expired',
  'void',
  'cancelled',
] as const
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number]

/** What an entry does to the state that is derived from the log. */
export type Change =
  | {
      readonly kind: 'issued'
      readonly grant: string
      readonly scope: string
      readonly environment: string
      readonly class: string
      readonly issuer: string
      readonly subject: string
      readonly at: string
      readonly expires: string
      /** The grant waited for people; its request is over. */
      readonly approved?: true
    }
  | {
      readonly kind: 'asked'
      readonly grant: string
      readonly scope: string
      readonly environment: string
      readonly class: string
      readonly issuer: string
      readonly subject: string
      readonly binding: string
      readonly groups: readonly string[]
      readonly expires: string
    }
  | {
      readonly kind: 'moved'
      readonly grant: string
      readonly status: ApprovalStatus
    }
  | {
      readonly kind: 'ended'
      readonly grant: string
      readonly at: string
      readonly cause: string
    }
  | {
      readonly kind: 'requested'
      readonly credential: string
      readonly grant: string
      readonly target: string
      readonly at: string
    }
  | {
      readonly kind: 'outcome'
      readonly credential: string
      readonly status: 'minted' | 'failed' | 'revoked'
      readonly expires?: string
    }

/** Pure: the state of the ledger is this function over all entries, in order. */
export function changeOf(entry: Entry): Change | undefined {
  switch (entry.kind) {
    case 'catalogue.loaded':
    case 'keys.loaded':
    case 'openings.erased':
    case 'credential.refused':
    case 'credential.wrapped':
    case 'credential.wrapping_alarm':
    case 'session.ended':
      return undefined
    case 'grant.decided':
      return decisionChange(entry)
    case 'approval.given':
      return { kind: 'moved', grant: entry.grant, status: entry.settles ?? 'pending' }
    case 'approval.ended':
      return { kind: 'moved', grant: entry.grant, status: entry.outcome }
    case 'grant.ended':
      return { kind: 'ended', grant: entry.grant, at: entry.time, cause: entry.cause }
    case 'credential.requested': {
      const { credential, grant, target, time: at } = entry
      return { kind: 'requested', credential, grant, target, at }
    }
    case 'credential.minted': {
      const { credential, expires } = entry
      return { kind: 'outcome', credential, status: 'minted', expires }
    }
    case 'credential.failed':
      return { kind: 'outcome', credential: entry.credential, status: 'failed' }
    case 'credential.revoked':
      return { kind: 'outcome', credential: entry.credential, status: 'revoked' }
  }
}

function decisionChange(entry: GrantDecided): Change | undefined {
  const { grant, time: at, expires, scope, environment, approval, previous } = entry
  const { class: callerClass, issuer, subject } = entry.caller
  const names = { scope: scope.name, environment: environment.name }
  const whose = { grant, ...names, class: callerClass, issuer, subject }
  if (approval !== undefined) {
    const groups = approval.needs.map(({ group }) => group)
    const { binding } = approval
    return { kind: 'asked', ...whose, binding, groups, expires: approval.expires }
  }
  if (expires === undefined) return undefined
  const issued = { kind: 'issued', ...whose, at, expires } as const
  return previous === undefined ? issued : { ...issued, approved: true }
}
