import type { Context } from 'hono'
import { decodeProtectedHeader } from 'jose'
import { CredctlError, isCredctlError } from '../errors.ts'
import { type Operation, type Principal, requireAccess } from './access.ts'
import type { ApiEnv, ApiParts } from './parts.ts'

/** The token of `Authorization: Bearer …` (RFC 6750 §2.1); the only place a token is read from. */
export function bearerToken(context: Context<ApiEnv>): string {
  const [, token] =
    /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(context.req.header('authorization') ?? '') ?? []
  if (token !== undefined) return token
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
  const token = bearerToken(context)
  const principal = await principalOf(parts, token).catch((error: unknown) => {
    if (isCredctlError(error)) parts.metrics.authenticationFailures.inc({ code: error.code })
    throw error
  })
  requireAccess(operation, principal)
  return principal
}

/** `typ` picks the verifier; each one checks it again and accepts nothing of the other's. */
async function principalOf(parts: ApiParts, token: string): Promise<Principal> {
  if (looksLikeGrantToken(token)) {
    return { kind: 'grant', claims: await parts.grantTokens.verify(token) }
  }
  return { kind: 'caller', caller: await parts.verifier.verify(token) }
}

function looksLikeGrantToken(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === 'at+jwt'
  } catch {
    return false
  }
}
