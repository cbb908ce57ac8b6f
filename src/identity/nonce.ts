import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { derivedKey } from '../secret/derived-key.ts'

/** A nonce lives for one to two of these. */
const WINDOW_MS = 5 * 60_000

/** Nonces for DPoP proofs (RFC 9449 section 8): they bound a proof by the server's own clock. */
export interface ProofNonces {
  current(): string
  accepts(nonce: string): boolean
}

/**
 * Nonces without state: a MAC over the time window, so every replica with the same key hands out
 * and accepts the same ones. `key` is at least 32 secret bytes: see `nonceKey`.
 */
export function createProofNonces(key: Uint8Array, clock: Clock): ProofNonces {
  const nonceAt = (window: number) =>
    createHmac('sha256', key).update(`dpop-nonce:${window}`).digest().subarray(0, 16)
  const now = () => Math.floor(clock.now().getTime() / WINDOW_MS)
  return {
    current: () => nonceAt(now()).toString('base64url'),
    accepts: (nonce) => {
      const given = Buffer.from(nonce, 'base64url')
      const windows = [now(), now() - 1].map(nonceAt)
      return given.length === 16 && windows.some((wanted) => timingSafeEqual(given, wanted))
    },
  }
}

/** A key for nonces from the grant token key, so that replicas need no further shared secret. */
export function nonceKey(pem: string): Buffer {
  return derivedKey(pem, 'credctl dpop nonce')
}
