import type { Context } from 'hono'
import { decodeProtectedHeader } from 'jose'
import { type Operation, type Principal, requireAccess } from '../access.ts'
import { CredctlError, isCredctlError } from '../errors.ts'
import type { ApiEnv, ApiParts } from './parts.ts'
import { type PresentedToken, requirePossession } from './possession.ts'

/** The token of `Authorization: Bearer …` or `DPoP …`; the only place a token is read from. */
function presentedToken(context: Context<ApiEnv>, operation: Operation): PresentedToken {
  const header = context.req.header('authorization') ?? ''
  const [, scheme, token] = /^(Bearer|DPoP) ([A-Za-z0-9._~+/=-]+)$/i.exec(header) ?? []
  // AWS SDKs send what is in a file, word for word: of a projected token, the token alone.
  if (operation === 'standingCredential' && /^[A-Za-z0-9._-]+$/.test(header)) {
    return { scheme: 'bearer', token: header }
  }
  if (token !== undefined)
    return { scheme: scheme?.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token }
  throw new CredctlError('token_missing', 'the request has no bearer token', {
    hint: 'Send Authorization: Bearer followed by an identity token or a grant token.',
  })
}

/** Who asks, checked against the access table before any handler runs. */
export async function authenticate(
  parts: ApiParts,
  context: Context<ApiEnv>,
  operation: Operation,
): Promise<Principal> {
  const presented = presentedToken(context, operation)
  const principal = await known(parts, context, () => principalOf(parts, context, presented))
  requireAccess(operation, principal)
  return principal
}

/**
 * Runs a verification at the door. Bad tokens are counted by address and never reach the log; past
 * a number of them the answer is only that there are too many. Good tokens pass all the same: behind
 * a proxy everybody has one address. A demand for a nonce is no failure.
 */
export async function known<T>(
  { limits, metrics }: ApiParts,
  context: Context<ApiEnv>,
  verify: () => Promise<T>,
): Promise<T> {
  try {
    return await verify()
  } catch (error) {
    if (!isCredctlError(error) || error.code === 'proof_nonce_required') throw error
    metrics.authenticationFailures.inc({ code: error.code })
    const address = limits.addressOf(context)
    await limits.strangers.check(address)
    await limits.strangers.spend(address)
    throw error
  }
}

/** `typ` picks the verifier; each one checks it again and accepts nothing of the other's. */
async function principalOf(
  parts: ApiParts,
  context: Context<ApiEnv>,
  presented: PresentedToken,
): Promise<Principal> {
  const { token, scheme } = presented
  if (looksLikeGrantToken(token)) {
    const claims = await parts.grantTokens.verify(token)
    await requirePossession(parts, context, presented, claims)
    return { kind: 'grant', claims }
  }
  if (scheme === 'bearer') return { kind: 'caller', caller: await parts.verifier.verify(token) }
  throw new CredctlError('proof_invalid', 'an identity token is not bound to a key', {
    hint: 'Send Authorization: Bearer.',
  })
}

function looksLikeGrantToken(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === 'at+jwt'
  } catch {
    return false
  }
}
