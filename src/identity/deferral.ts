import { createHmac, timingSafeEqual } from 'node:crypto'
import { isUlid } from '../clock.ts'
import { derivedKey } from '../secret/derived-key.ts'

/**
 * Who may use a deferral code: whoever proves to hold the key that the request was made with, or,
 * where it was made without one, whoever shows a token of the same identity.
 */
export type DeferralHolder =
  | { readonly kind: 'key'; readonly thumbprint: string }
  | { readonly kind: 'identity'; readonly issuer: string; readonly subject: string }

/** Deferral codes (draft-ietf-oauth-deferred-token-response). A code is a secret of its holder. */
export interface DeferralCodes {
  issue(request: string, holder: DeferralHolder): string
  /** The request that a code of this holder is for; undefined for every other code. */
  read(code: string, holder: DeferralHolder): string | undefined
}

const CODE = /^dc_([0-9A-Z]{26})_([A-Za-z0-9_-]{43})$/

/**
 * Codes without state: the request's id under a MAC that covers the holder, so every replica with
 * the same key accepts them and nobody else's proof fits. Single use is the ledger's business: a
 * request is redeemed once.
 */
export function createDeferralCodes(key: Uint8Array): DeferralCodes {
  const macOf = (request: string, holder: DeferralHolder) =>
    createHmac('sha256', key)
      .update(`deferral:${request}:${holderText(holder)}`)
      .digest()
  return {
    issue: (request, holder) => `dc_${request}_${macOf(request, holder).toString('base64url')}`,
    read: (code, holder) => {
      const [, request = '', mac = ''] = CODE.exec(code) ?? []
      if (!isUlid(request)) return undefined
      const given = Buffer.from(mac, 'base64url')
      const wanted = macOf(request, holder)
      const same = given.length === wanted.length && timingSafeEqual(given, wanted)
      return same && given.toString('base64url') === mac ? request : undefined
    },
  }
}

function holderText(holder: DeferralHolder): string {
  return holder.kind === 'key'
    ? JSON.stringify(['key', holder.thumbprint])
    : JSON.stringify(['identity', holder.issuer, holder.subject])
}

/** A key for deferral codes from the grant token key, so that replicas need no further secret. */
export function deferralKey(pem: string): Buffer {
  return derivedKey(pem, 'credctl deferral code')
}
