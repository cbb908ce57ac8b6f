import { createPrivateKey, hkdfSync } from 'node:crypto'

/**
 * A key for one purpose from a private key that every replica has (HKDF, RFC 5869), so that they
 * need no further secret. Another purpose gives an unrelated key.
 */
export function derivedKey(pem: string, purpose: string): Buffer {
  const seed = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  return Buffer.from(hkdfSync('sha256', seed, '', purpose, 32))
}
