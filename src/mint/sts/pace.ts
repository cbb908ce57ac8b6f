import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'

/** Resolves when a call may go out now; throws an error named `Throttling` when it may not. */
export type Pace = (region: string) => Promise<void>

/**
 * AWS STS allows 600 requests a second for each account and region, shared with everything else
 * that account does. All targets of a broker are called from its one account, so they share a pace:
 * create one for a process.
 */
export function stsPace(perSecond = 500): Pace {
  const limiter = new RateLimiterMemory({ points: perSecond, duration: 1 })
  return async (region) => {
    await limiter.consume(region).catch((cause: RateLimiterRes) => {
      const error = new Error('more calls than AWS STS allows', { cause })
      error.name = 'Throttling'
      throw error
    })
  }
}
