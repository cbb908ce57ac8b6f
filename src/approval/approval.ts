import { createHash } from 'node:crypto'
import type { Digest } from '../canonical.ts'
import type { Clock } from '../clock.ts'
import type { Evidence } from '../decision/approval.ts'
import type { Policy } from '../decision/policy.ts'
import type { ReasonCode } from '../decision/reason.ts'
import type { Environment } from '../environment/environment.ts'
import type { Caller } from '../identity/caller.ts'
import type { ApprovalStatus } from '../ledger/changes.ts'
import type { ApprovalChannel } from '../ledger/entry.ts'
import type { ApprovalState, Ledger } from '../ledger/ledger.ts'
import type { Catalog } from '../scope/catalog.ts'

export interface ApprovalParts {
  /** The catalogue in force; another one after a reload. */
  readonly catalog: () => Catalog
  readonly environments: ReadonlyMap<string, Environment>
  readonly ledger: Ledger
  readonly policy: Policy
  readonly clock: Clock
}

/** What one person says about one request, through whatever channel. */
export interface Word {
  readonly id: string
  readonly verdict: 'approve' | 'deny'
  /** Digest of the plan that the person was shown. */
  readonly plan: string
  /** Verified by the channel: a Slack user is an identity of an issuer of its own. */
  readonly by: Caller
  /** For whom the person speaks; the first group that still needs somebody when absent. */
  readonly group?: string
  readonly reason?: string
  readonly via: ApprovalChannel
  /** Where it was said: ids of a message or a review, never its text. */
  readonly facts?: Readonly<Record<string, string | number>>
}

/** Where something can still come of a request. */
export const OPEN: readonly ApprovalStatus[] = ['pending', 'approved']

/** How a request stands now: the ledger learns a moment later that time ended it. */
export function statusAt(state: ApprovalState, now: Date): ApprovalStatus {
  return OPEN.includes(state.status) && state.expiresAt <= now ? 'expired' : state.status
}

/** What a decision may rest on: the words in the log, never a column beside it. */
export function evidenceOf(state: ApprovalState): Evidence {
  return {
    binding: state.asked.binding,
    expires: state.expiresAt,
    verdicts: state.given.map(({ verdict, by, group, plan, time }) => ({
      verdict,
      by: { ...by },
      group,
      plan,
      at: new Date(time),
    })),
  }
}

const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * Eight letters for people to compare: the requester's log and the approver's screen show the same
 * ones (CIBA's `binding_message`). They follow from the request and are no secret.
 */
export function bindingCode(id: string, binding: Digest): string {
  const hash = createHash('sha256').update(`${id} ${binding}`).digest()
  const letters = [...hash.subarray(0, 8)].map((byte) => LETTERS[byte % 32])
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`
}

/** Reasons that pass by themselves: a request that meets them goes on waiting. */
const PASSING: readonly ReasonCode[] = [
  'too_many_live_grants',
  'too_many_grants_today',
  'outside_window',
  'frozen',
]

export function passes(reasons: readonly { readonly code: ReasonCode }[]): boolean {
  return reasons.length > 0 && reasons.every(({ code }) => PASSING.includes(code))
}
