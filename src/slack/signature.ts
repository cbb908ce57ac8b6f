import { createHmac, timingSafeEqual } from 'node:crypto'
import { CredctlError } from '../errors.ts'

/** Older or newer than this is a replay, or a clock that nobody should trust. */
const TOLERANCE_SECONDS = 300

export interface Signed {
  /** `X-Slack-Request-Timestamp` and `X-Slack-Signature`. */
  readonly timestamp: string | undefined
  readonly signature: string | undefined
  /** The body as it came, before any parsing. */
  readonly body: string
}

/**
 * Slack's own scheme ("Verifying requests from Slack"): HMAC-SHA256 over `v0:timestamp:body`.
 * Throws `token_signature_invalid`, with the same words for whatever is wrong.
 */
export function requireSignature(
  secret: string,
  { timestamp, signature, body }: Signed,
  now: Date,
): void {
  const seconds = /^[0-9]{1,12}$/.test(timestamp ?? '') ? Number(timestamp) : Number.NaN
  const isRecent = Math.abs(now.getTime() / 1000 - seconds) <= TOLERANCE_SECONDS
  const wanted = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest()
  const [, hex = ''] = /^v0=([0-9a-f]{64})$/.exec(signature ?? '') ?? []
  const given = Buffer.from(hex, 'hex')
  if (isRecent && given.length === wanted.length && timingSafeEqual(given, wanted)) return
  throw new CredctlError('token_signature_invalid', 'the request is not signed by Slack')
}
