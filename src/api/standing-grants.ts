import type { Clock } from '../clock.ts'
import type { Caller } from '../identity/caller.ts'

/** A grant that later requests of the same caller for the same task use as well. */
export interface StandingGrant {
  readonly id: string
  readonly plan: string
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** The task, as a path names it. */
export interface StandingTask {
  readonly scope: string
  readonly environment: string
}

interface Started {
  readonly grant: Promise<StandingGrant>
  /** Milliseconds of the epoch; unknown while the grant is being decided. */
  renewAt: number
}

/** SDKs look for a newer credential this long before an expiry. */
const AHEAD_MS = 5 * 60_000

/**
 * Grants of callers who cannot keep one: what they send is an identity token, again and again. In
 * memory only; another replica starts another grant. A grant that somebody ended is not followed by
 * a new one here before it was due.
 */
export class StandingGrants {
  readonly #clock: Clock
  readonly #started = new Map<string, Started>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The caller's grant for the task, or the one that `start` gives; callers at once share it. */
  async get(
    caller: Caller,
    task: StandingTask,
    start: () => Promise<StandingGrant>,
  ): Promise<StandingGrant> {
    this.#prune()
    const key = keyOf(caller, task)
    const started = this.#started.get(key) ?? this.#start(key, start())
    try {
      return await started.grant
    } catch (error) {
      if (this.#started.get(key) === started) this.#started.delete(key)
      throw error
    }
  }

  /** The grant no longer fits what the scope says: the next request starts another. */
  forget(caller: Caller, task: StandingTask): void {
    this.#started.delete(keyOf(caller, task))
  }

  #start(key: string, grant: Promise<StandingGrant>): Started {
    const started: Started = { grant, renewAt: Number.POSITIVE_INFINITY }
    grant.then(
      (value) => {
        started.renewAt = renewalOf(value)
      },
      // Whoever waits for it hears of the failure.
      () => undefined,
    )
    this.#started.set(key, started)
    return started
  }

  #prune(): void {
    const now = this.#clock.now().getTime()
    for (const [key, { renewAt }] of this.#started) if (renewAt <= now) this.#started.delete(key)
  }
}

/** Ahead of the expiry, but not before most of a short life is over. */
function renewalOf({ issuedAt, expiresAt }: StandingGrant): number {
  const life = expiresAt.getTime() - issuedAt.getTime()
  return expiresAt.getTime() - Math.min(AHEAD_MS, life / 3)
}

/** Claims that every new token of the same caller has other values of. */
const PASSING = ['exp', 'iat', 'nbf', 'jti', 'kubernetes.io/warnafter']

/** Everything that the decision looked at: a caller with other claims is another caller. */
function keyOf(
  { issuer, subject, class: callerClass, claims }: Caller,
  task: StandingTask,
): string {
  const lasting = Object.entries(claims).filter(([name]) => !PASSING.includes(name))
  lasting.sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([issuer, subject, callerClass, lasting, task.scope, task.environment])
}
