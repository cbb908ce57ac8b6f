import { randomBytes } from 'node:crypto'

/** Time and randomness, injected wherever they are used so that tests decide both. */
export interface Clock {
  /** The present, with millisecond precision. */
  now(): Date
}

/** Cryptographically secure bytes. */
export type Random = (size: number) => Buffer

export const systemClock: Clock = { now: () => new Date() }
export const systemRandom: Random = (size) => randomBytes(size)

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

/** A ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits, Crockford base 32. */
export function ulid(clock: Clock, random: Random): string {
  let bits = (BigInt(clock.now().getTime()) << 80n) | BigInt(`0x${random(10).toString('hex')}`)
  let text = ''
  for (let index = 0; index < 26; index += 1) {
    text = CROCKFORD[Number(bits & 31n)] + text
    bits >>= 5n
  }
  return text
}

export function isUlid(text: string): boolean {
  return ULID.test(text)
}
