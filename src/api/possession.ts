import type { Context } from 'hono'
import { CredctlError, isCredctlError } from '../errors.ts'
import type { GrantClaims } from '../identity/grant-token.ts'
import { StepUpRequired } from '../identity/step-up.ts'
import type { ApiEnv, ApiParts } from './parts.ts'

/** How a token was sent: `Bearer` (RFC 6750) or with a proof of its key (RFC 9449 §7.1). */
export interface PresentedToken {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
}

/**
 * Thumbprint of the key that the request proves to hold; undefined when it sends no proof. Every
 * answer to a proof carries the next nonce.
 */
export async function provenKey(
  parts: ApiParts,
  context: Context<ApiEnv>,
  about: { readonly accessToken?: string; readonly thumbprint?: string } = {},
): Promise<string | undefined> {
  const proof = context.req.header('dpop')
  if (proof === undefined) return undefined
  const nonce = parts.proofs.nonce()
  if (nonce !== undefined) context.header('DPoP-Nonce', nonce)
  const { method, path } = context.req
  return await parts.proofs.verify({ proof, method, url: `${parts.url}${path}`, ...about })
}

/**
 * A grant token bound to a key is nothing without it, and one that is not bound must not look as
 * if it were. Errors: `proof_invalid`, `proof_nonce_required`.
 */
export async function requirePossession(
  parts: ApiParts,
  context: Context<ApiEnv>,
  { scheme, token }: PresentedToken,
  { thumbprint }: GrantClaims,
): Promise<void> {
  if (thumbprint === undefined) {
    if (scheme === 'bearer') return
    throw refused('this grant token is bound to no key', 'Send Authorization: Bearer.')
  }
  const hint = 'Send Authorization: DPoP and a DPoP header with a proof by its key.'
  if (scheme === 'bearer') throw refused('this grant token is bound to a key', hint)
  const proven = await provenKey(parts, context, { accessToken: token, thumbprint })
  if (proven === undefined) throw refused('the request carries no proof of the key', hint)
}

/** What a 401 challenges with: RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3. */
export function challengeOf(error: CredctlError): string {
  if (error instanceof StepUpRequired) return stepUpChallenge(error)
  if (isCredctlError(error, 'proof_nonce_required')) return 'DPoP error="use_dpop_nonce"'
  if (isCredctlError(error, 'proof_invalid')) return 'DPoP error="invalid_dpop_proof"'
  return 'Bearer error="invalid_token"'
}

function stepUpChallenge({ acr, maxAge }: StepUpRequired): string {
  const wishes = [
    'error="insufficient_user_authentication"',
    ...(acr === undefined ? [] : [`acr_values="${acr.join(' ')}"`]),
    ...(maxAge === undefined ? [] : [`max_age="${maxAge}"`]),
  ]
  return `Bearer ${wishes.join(', ')}`
}

function refused(message: string, hint: string): CredctlError {
  return new CredctlError('proof_invalid', message, { hint })
}
