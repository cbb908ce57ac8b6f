import { type ErrorCode, isCredctlError } from '../errors.ts'

/** What was fetched, and when it ends, in milliseconds of the epoch. */
export interface Fetched<T> {
  readonly value: T
  readonly expiresAt: number
}

interface Kept<T> extends Fetched<T> {
  readonly refreshAt: number
}

/** Before the expiry there must be time to use what was just handed out. */
const AHEAD_MS = 60_000
const PAUSE_MS = 5_000

/** Not a word about the grant: it may live, and what it gave still works. */
const PASSING: readonly ErrorCode[] = [
  'unavailable',
  'rate_limited',
  'ledger_unavailable',
  'target_unavailable',
  'internal',
]

/**
 * One credential of one target, fetched again ahead of its expiry and never given after it. Callers
 * that ask at once share one request; a broker that is away is no failure while the credential lives.
 */
export class CredentialCache<T> {
  readonly #fetch: () => Promise<Fetched<T>>
  readonly #now: () => number
  #kept: Kept<T> | undefined
  #underway: Promise<T> | undefined

  constructor(fetch: () => Promise<Fetched<T>>, now: () => number = Date.now) {
    this.#fetch = fetch
    this.#now = now
  }

  async get(): Promise<T> {
    const kept = this.#kept
    if (kept !== undefined && this.#now() < kept.refreshAt && this.#lives(kept)) return kept.value
    this.#underway ??= this.#renew().finally(() => {
      this.#underway = undefined
    })
    return await this.#underway
  }

  /** Nothing is kept of a grant that ended. */
  forget(): void {
    this.#kept = undefined
  }

  async #renew(): Promise<T> {
    const old = this.#kept
    try {
      const { value, expiresAt } = await this.#fetch()
      // The same expiry once more is the grant's own: there is nothing that lives longer.
      const isFinal = old?.expiresAt === expiresAt
      this.#kept = { value, expiresAt, refreshAt: isFinal ? expiresAt : expiresAt - AHEAD_MS }
      return value
    } catch (error) {
      if (old === undefined || !this.#lives(old) || !isCredctlError(error, ...PASSING)) {
        this.#kept = undefined
        throw error
      }
      this.#kept = { ...old, refreshAt: this.#now() + PAUSE_MS }
      return old.value
    }
  }

  #lives({ expiresAt }: Kept<T>): boolean {
    return this.#now() < expiresAt
  }
}
