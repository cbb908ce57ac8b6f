import type { ApprovalStatus } from '../ledger/changes.ts'

/** What can happen to a request for approval. */
export const APPROVAL_EVENTS = [
  'approve, others missing',
  'approve, the last one',
  'deny',
  'redeem',
  'cancel',
  'void',
  'expire',
] as const
export type ApprovalEvent = (typeof APPROVAL_EVENTS)[number]

const ENDS = { cancel: 'cancelled', void: 'void', expire: 'expired' } as const

/**
 * Where a request can go from where it stands. What is not here does not happen: the ledger's guards
 * are made of this table, and the database's trigger holds to it once more.
 */
export const TRANSITIONS: Readonly<
  Record<ApprovalStatus, Readonly<Partial<Record<ApprovalEvent, ApprovalStatus>>>>
> = {
  pending: {
    'approve, others missing': 'pending',
    'approve, the last one': 'approved',
    deny: 'denied',
    ...ENDS,
  },
  approved: { redeem: 'redeemed', ...ENDS },
  denied: {},
  redeemed: {},
  expired: {},
  void: {},
  cancelled: {},
}

/** Where a request must stand for something to happen to it. */
export function statusesBefore(event: ApprovalEvent): readonly ApprovalStatus[] {
  return Object.entries(TRANSITIONS).flatMap(([status, events]) =>
    event in events ? [status as ApprovalStatus] : [],
  )
}
