import type { Claims } from '../caller.ts'
import { isObject } from '../strict-json.ts'
import { OIDC, type Preset, textOf } from './preset.ts'

const TRUST_DOMAIN = /^spiffe:\/\/[a-z0-9._-]{1,255}$/
const SPIFFE_ID = /^(spiffe:\/\/[a-z0-9._-]{1,255})((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+)$/

export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text)
}

/** The trust domain of a workload's SPIFFE ID (SPIFFE-ID standard section 2), if it is one. */
export function trustDomainOf(subject: unknown): string | undefined {
  return typeof subject === 'string' && subject.length <= 2048
    ? SPIFFE_ID.exec(subject)?.[1]
    : undefined
}

/**
 * SPIFFE JWT-SVIDs. Keys come from the bundle of the subject's trust domain and nowhere else;
 * `iss` and `jti` are optional there, and SVIDs are cached and used again, so replay is allowed.
 * Source: spiffe/spiffe, standards/JWT-SVID.md.
 */
export const SPIFFE: Preset = {
  ...OIDC,
  classes: ['agent', 'workload', 'ci'],
  algorithms: ['RS256', 'ES256', 'ES384', 'PS256'],
  anchors: ['sub'],
  lists: [],
  breach: (claims: Claims) =>
    trustDomainOf(textOf(claims, 'sub')) === undefined ? 'sub is not a SPIFFE ID' : undefined,
  publishedKeys,
}

/** A bundle marks its keys `jwt-svid` or `x509-svid`; only the first may verify tokens. */
function publishedKeys(keys: unknown): unknown {
  if (!Array.isArray(keys)) return keys
  const ours = keys.filter(isObject).filter((key) => key['use'] === 'jwt-svid')
  return ours.map((key) => ({ ...key, use: 'sig' }))
}
