import { CredctlError } from '../errors.ts'
import type { IssuerConfig } from './issuer.ts'
import { trustDomainOf } from './presets/spiffe.ts'
import type { UnverifiedToken } from './token.ts'

/**
 * The issuer is looked up by its exact text: no case folding, no slash trimming, no patterns. A
 * SPIFFE ID is looked up by its trust domain, whatever `iss` says (JWT-SVID standard, section 3).
 */
export function findIssuer<T extends { readonly config: IssuerConfig }>(
  { payload: { iss, sub } }: UnverifiedToken,
  issuers: ReadonlyMap<string, T>,
): T {
  const named = typeof iss === 'string' ? issuers.get(iss) : undefined
  if (named !== undefined && named.config.kind !== 'spiffe') return named
  const issuer = issuers.get(trustDomainOf(sub) ?? '')
  if (issuer !== undefined) return issuer
  throw unknownIssuer()
}

export function unknownIssuer(): CredctlError {
  return new CredctlError(
    'token_issuer_unknown',
    'the token is from an issuer not configured here',
    {
      hint: 'The iss claim must equal the issuer of an entry in credctl.yaml, byte for byte.',
    },
  )
}
