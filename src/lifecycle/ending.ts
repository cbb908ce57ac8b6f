import { CredctlError } from '../errors.ts'
import type { EntryCaller, GrantEnded } from '../ledger/entry.ts'
import type { GrantState } from '../ledger/ledger.ts'
import { grantEnded, type Occasion } from '../ledger/record.ts'
import { type Parts, type RevocationResult, revokeCredential } from './revocation.ts'

/**
 * Ends a grant for good: first on the record, so that no replica mints under it any more, then at
 * every target. Ending a grant that has already ended revokes what is left of it. A credential that
 * is just being made is undone by whoever makes it, or by the sweep if they cannot: to call it ended
 * here would be wrong a moment later.
 */
export async function endGrant(
  parts: Parts,
  occasion: Occasion,
  grant: GrantState,
  cause: GrantEnded['cause'],
  by?: EntryCaller,
): Promise<readonly RevocationResult[]> {
  if (grant.ended === undefined) await recordEnd(parts, occasion, grant, cause, by)
  const credentials = await parts.ledger.credentials(grant.id)
  const open = credentials.filter(({ status }) => status === 'minted')
  const results: RevocationResult[] = []
  // One after the other: each outcome is an entry that names the one before it.
  for (const credential of open) {
    results.push(await revokeCredential(parts, occasion.request, credential))
  }
  return results
}

async function recordEnd(
  { ledger }: Parts,
  occasion: Occasion,
  grant: GrantState,
  cause: GrantEnded['cause'],
  by: EntryCaller | undefined,
): Promise<void> {
  const link = { grant: grant.id, previous: grant.lastIndex }
  try {
    await ledger.append(grantEnded(occasion, link, cause, by), { grant: 'unended' })
  } catch (error) {
    // Another replica, or the sweep, ended it between our reading and our writing: same end.
    if (error instanceof CredctlError && error.code === 'grant_ended') return
    throw error
  }
}
