import type { Clock } from '../clock.ts'
import { formatDuration } from '../document/text.ts'
import { CredctlError } from '../errors.ts'

const MAX_SUBJECT = 1024

type Payload = Readonly<Record<string, unknown>>

/** The `sub` claim, verbatim. A control character in it could forge lines where it is shown. */
export function requireSubject({ sub }: Payload): string {
  if (sub === undefined) throw missing('sub')
  if (typeof sub === 'string' && sub !== '' && sub.length <= MAX_SUBJECT && !/\p{Cc}/u.test(sub)) {
    return sub
  }
  throw invalid('sub', `is not a string of 1 to ${MAX_SUBJECT} printable characters`)
}

/** Each must be there with a value; which value is the rules' business. */
export function requireClaims(payload: Payload, names: readonly string[]): void {
  const absent = names.find((name) => {
    const value = Object.hasOwn(payload, name) ? payload[name] : undefined
    return value === undefined || value === null || value === ''
  })
  if (absent !== undefined) throw missing(absent)
}

/** All in seconds. */
export interface TimeLimits {
  readonly max_lifetime: number
  readonly clock_tolerance: number
}

/**
 * `exp` and `iat` are required and the time between them is bounded: a token that never ends is a
 * long-lived secret. `nbf` is honoured when present (RFC 7519 section 4.1). Errors:
 * `token_claim_missing`, `token_claim_invalid`, `token_expired`, `token_not_yet_valid`,
 * `token_lifetime_too_long`.
 */
export function checkTimes(payload: Payload, limits: TimeLimits, clock: Clock): void {
  const now = clock.now().getTime() / 1000
  const exp = requireDate(payload, 'exp')
  const iat = requireDate(payload, 'iat')
  const nbf = payload['nbf'] === undefined ? iat : requireDate(payload, 'nbf')
  if (exp <= iat) throw invalid('exp', 'is not after iat')
  if (exp - iat > limits.max_lifetime) {
    throw new CredctlError(
      'token_lifetime_too_long',
      'the token lives longer than this issuer may make them live',
      {
        hint: `At most ${formatDuration(limits.max_lifetime)} between iat and exp.`,
      },
    )
  }
  if (exp <= now - limits.clock_tolerance) {
    throw new CredctlError('token_expired', 'the token has expired', { hint: 'Request a new one.' })
  }
  if (Math.max(iat, nbf) > now + limits.clock_tolerance) {
    throw new CredctlError('token_not_yet_valid', 'the token is not valid yet', {
      hint: `Clocks may differ by at most ${formatDuration(limits.clock_tolerance)}.`,
    })
  }
}

/** A NumericDate (RFC 7519 section 2): seconds, never a string, never before 1970. */
function requireDate(payload: Payload, name: string): number {
  const value = payload[name]
  if (value === undefined) throw missing(name)
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw invalid(name, 'is not a number of seconds since 1970')
}

function missing(name: string): CredctlError {
  return new CredctlError('token_claim_missing', `the token has no ${name} claim`)
}

function invalid(name: string, problem: string): CredctlError {
  return new CredctlError('token_claim_invalid', `the ${name} claim ${problem}`)
}
