import type { Clock } from '../clock.ts'
import { isCredctlError } from '../errors.ts'
import type { CredentialState, Ledger } from '../ledger/ledger.ts'
import { credentialFailed, credentialRevoked, type Occasion } from '../ledger/record.ts'
import type { RevocationCause } from '../mint/mint.ts'
import type { Mints } from '../mint/mints.ts'

export interface Parts {
  readonly ledger: Ledger
  readonly mints: Mints
  readonly clock: Clock
}

/** What became of one credential of an ended grant. */
export type RevocationResult =
  | { readonly target: string; readonly outcome: 'gone' }
  | { readonly target: string; readonly outcome: 'denied' | 'expires'; readonly expiresAt: Date }
  /** Not done yet; the sweep tries again until it is. */
  | { readonly target: string; readonly outcome: 'pending'; readonly code: string }

/**
 * Ends a credential at its target and records that it is ended. Never throws for a target or a
 * log that is down: the credential stays unfinished in the state, and the next sweep tries again.
 */
export async function revokeCredential(
  parts: Parts,
  request: string,
  credential: CredentialState,
): Promise<RevocationResult> {
  const { target } = credential
  try {
    const mint = parts.mints.of(credential.environment, target)
    const expiresAt = credential.expiresAt ?? parts.clock.now()
    const revoked = await mint.revoke(
      credential.handle,
      expiresAt,
      await causeOf(parts, credential),
    )
    await recordOutcome(parts, { request, now: parts.clock.now() }, credential, revoked)
    return { target, ...revoked }
  } catch (error) {
    return { target, outcome: 'pending', code: isCredctlError(error) ? error.code : 'internal' }
  }
}

/** A credential without an outcome never left the broker: its entry comes before its answer. */
async function causeOf(
  { ledger }: Parts,
  { status, grant }: CredentialState,
): Promise<RevocationCause> {
  if (status === 'requested') return 'unissued'
  const cause = (await ledger.grant(grant))?.ended?.cause
  return cause === 'operator' || cause === 'caller' ? cause : 'expired'
}

async function recordOutcome(
  { ledger }: Parts,
  occasion: Occasion,
  credential: CredentialState,
  revoked: Parameters<typeof credentialRevoked>[3],
): Promise<void> {
  const grant = await ledger.grant(credential.grant)
  if (grant === undefined) return
  const link = { grant: grant.id, previous: grant.lastIndex }
  const place = { credential: credential.id, target: credential.target }
  const entry =
    credential.status === 'requested'
      ? credentialFailed(occasion, link, place, 'interrupted')
      : credentialRevoked(occasion, link, place, revoked)
  await ledger.append(entry, { credential: 'open' }).catch((error: unknown) => {
    // The sweep or another replica did the same and recorded it first; what is true there is true.
    if (!isCredctlError(error, 'grant_ended')) throw error
  })
}
