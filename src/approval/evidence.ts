import { isCredctlError } from '../errors.ts'
import type { Caller } from '../identity/caller.ts'
import type { ApprovalState } from '../ledger/ledger.ts'
import type { Word } from './approval.ts'
import type { Approvals } from './approvals.ts'

/** Another place where people have already said something about what a caller is about to do. */
export interface Evidence {
  /** Words about this request, found for this caller; what they are worth is decided as for any. */
  wordsFor(caller: Caller, state: ApprovalState): Promise<readonly Word[]>
}

/**
 * Records what people said elsewhere as words of theirs. Whether the request is approved now. A word
 * that does not count, of somebody in no group say, is left out; a place that does not answer leaves
 * the request waiting.
 */
export async function giveEvidence(
  evidence: Evidence,
  approvals: Approvals,
  waiting: { readonly caller: Caller; readonly state: ApprovalState; readonly request: string },
): Promise<boolean> {
  const { caller, state, request } = waiting
  for (const word of await evidence.wordsFor(caller, state)) {
    try {
      const { status } = await approvals.give(word, request)
      if (status === 'approved') return true
    } catch (error) {
      if (!isCredctlError(error)) throw error
    }
  }
  return false
}
