/**
 * Signatures anyone can check and only the issuer can make. `none` and the HMAC family have no
 * spelling here: a shared secret in the broker would let the broker forge its callers.
 */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
export type Algorithm = (typeof ALGORITHMS)[number]
