import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Random } from '../clock.ts'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Text that leaves the broker and comes back: nobody without the key reads or makes it. */
export interface Seal {
  /** `place` says what the text is for: opened as anything else, it is refused. */
  seal(text: string, place: string): Buffer
  /** Undefined for whatever this key did not seal for this place. */
  open(sealed: Uint8Array, place: string): string | undefined
}

/** Authenticated encryption (AES-256-GCM) under a key of 32 bytes: see `derivedKey`. */
export function createSeal(key: Uint8Array, random: Random): Seal {
  return {
    seal(text, place) {
      const nonce = random(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(place))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body])
    },
    open(sealed, place) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
      const nonce = sealed.subarray(0, NONCE_BYTES)
      const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
      const options = { authTagLength: TAG_BYTES }
      const decipher = createDecipheriv(ALGORITHM, key, nonce, options)
      decipher.setAAD(Buffer.from(place)).setAuthTag(tag)
      try {
        const body = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES))
        return Buffer.concat([body, decipher.final()]).toString('utf8')
      } catch {
        return undefined
      }
    },
  }
}
