import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { CredctlError } from '../errors.ts'
import type { Caller } from '../identity/caller.ts'
import { createGate, type Gate } from './back-pressure.ts'
import type { ApiEnv } from './parts.ts'

/** A count that grows by what went wrong, and closes the door for a while when it is full. */
export interface Bucket {
  /** Throws `rate_limited` when the key has used up its count. */
  check(key: string): Promise<void>
  spend(key: string): Promise<void>
}

export interface RateLimits {
  /** Requests whose token was no good, by network address: before anyone is known. */
  readonly strangers: Bucket
  /** Refusals that are entries in the log, by issuer and subject, or by grant. */
  readonly refusals: Bucket
  /** Requests for grants that are being answered. */
  readonly asks: Gate
  /** Fetches of credentials that are being answered: minting may take seconds. */
  readonly fetches: Gate
  addressOf(context: Context<ApiEnv>): string
}

/** One text for each identity, for counting what it does. */
export function identityKey({ issuer, subject }: Caller): string {
  return JSON.stringify([issuer, subject])
}

/** Two batches of the ledger; a fetch also holds a connection or a request to its target. */
const AT_ONCE = { asks: 512, fetches: 256 }
const PER_MINUTE = { strangers: 300, refusals: 60 }

/** Per replica and in memory: a bound on noise, not a security boundary. */
export function createRateLimits(): RateLimits {
  return {
    strangers: bucket(PER_MINUTE.strangers),
    refusals: bucket(PER_MINUTE.refusals),
    asks: createGate(AT_ONCE.asks),
    fetches: createGate(AT_ONCE.fetches),
    addressOf: (context) => remoteAddress(context),
  }
}

function bucket(points: number): Bucket {
  const limiter = new RateLimiterMemory({ points, duration: 60 })
  return {
    async check(key) {
      const state = await limiter.get(key)
      if (state === null || state.consumedPoints < points) return
      throw limited(state.msBeforeNext)
    },
    async spend(key) {
      await limiter.consume(key).catch((refused: unknown) => {
        // Being over the limit matters at the next request, not for the answer of this one.
        if (!(refused instanceof RateLimiterRes)) throw refused
      })
    },
  }
}

function limited(milliseconds: number): CredctlError {
  const seconds = Math.ceil(milliseconds / 1000)
  return new CredctlError('rate_limited', 'too many refused requests', {
    hint: `Wait ${seconds} s.`,
    retryAfter: seconds,
  })
}

/** The peer's address: forwarded headers are the sender's word and are not believed. */
function remoteAddress(context: Context<ApiEnv>): string {
  const env: unknown = context.env
  const served = typeof env === 'object' && env !== null && 'incoming' in env
  return served ? (getConnInfo(context).remote.address ?? 'unknown') : 'in-process'
}
