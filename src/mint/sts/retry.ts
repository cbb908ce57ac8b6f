import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../clock.ts'

export interface Attempts {
  /** The last attempt ends by then, in milliseconds from the first. */
  readonly deadlineMs: number
  /** Upper bound of the first pause, in milliseconds; doubles with each. */
  readonly firstDelayMs: number
}

/**
 * Repeats what fails for a passing reason until it succeeds or the deadline leaves no room. Pauses
 * are random between zero and a doubling bound, so that a throttled fleet does not come back at
 * once. The last error is thrown as it came.
 */
export async function withRetries<T>(
  { deadlineMs, firstDelayMs }: Attempts,
  random: Random,
  isTransient: (error: unknown) => boolean,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + deadlineMs
  const signal = AbortSignal.timeout(deadlineMs)
  for (let bound = firstDelayMs; ; bound *= 2) {
    try {
      return await attempt(signal)
    } catch (error) {
      const pause = (random(4).readUInt32BE() / 2 ** 32) * bound
      if (!isTransient(error) || performance.now() + pause >= deadline) throw error
      await sleep(pause)
    }
  }
}
