import type { Clock } from '../clock.ts'

/** Seconds between two polls, and what asking too soon adds for good (RFC 8628 section 3.5). */
export const INTERVAL_SECONDS = 5
const REMEMBERED = 10_000
/** Networks and timers are not exact. */
const EARLY_MS = 500

interface Poller {
  last: number
  intervalMs: number
}

/** How often who polls. Per replica and in memory: a bound on noise, not a security boundary. */
export class PollPace {
  readonly #clock: Clock
  readonly #pollers = new Map<string, Poller>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes a poll. True when it came too soon. */
  tooSoon(request: string): boolean {
    const now = this.#clock.now().getTime()
    const known = this.#pollers.get(request)
    if (known === undefined) {
      this.#remember(request, { last: now, intervalMs: INTERVAL_SECONDS * 1000 })
      return false
    }
    const early = now - known.last < known.intervalMs - EARLY_MS
    known.last = now
    if (early) known.intervalMs += INTERVAL_SECONDS * 1000
    return early
  }

  #remember(request: string, poller: Poller): void {
    const oldest = this.#pollers.keys().next().value
    if (this.#pollers.size >= REMEMBERED && oldest !== undefined) this.#pollers.delete(oldest)
    this.#pollers.set(request, poller)
  }
}
