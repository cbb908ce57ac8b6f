import type { Secret } from '../secret/secret.ts'

/** A token of the broker, and how long it is good for. */
export interface Login {
  readonly token: Secret<string>
  /** Seconds from now; 0 for a token that does not expire. */
  readonly seconds: number
  readonly renewable: boolean
}

export interface SessionParts {
  login(): Promise<Login>
  renew(token: Secret<string>): Promise<Login>
  /** False when Vault does not know the token any more. */
  isAlive(token: Secret<string>): Promise<boolean>
}

/** When to renew, as a part of the time that is left: early enough to try several times. */
const RENEW_AT = 0.6
const LONGEST_TIMER_MS = 2 ** 31 - 1
/** Before its end a token is no longer used for something new. */
const MARGIN_MS = 2_000
/** A token that may not even look at itself seems dropped: no login for each denial. */
const CALM_MS = 10_000

/**
 * The broker's own token: taken when first needed, renewed ahead of its end, taken anew when it
 * cannot be renewed or Vault has dropped it.
 */
export class Session {
  readonly #parts: SessionParts
  #taking: Promise<Held> | undefined
  #current: Secret<string> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #calmUntil = 0

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  /** A token that is good for at least a moment. Errors: those of logging in. */
  async token(): Promise<Secret<string>> {
    const held = await this.#held()
    if (performance.now() < held.until) return held.token
    this.#drop(held.token)
    return (await this.#held()).token
  }

  /**
   * For an answer that denied permission: a token to try again with when it was the token that
   * Vault does not know any more, undefined when it simply may not.
   */
  async after(denied: Secret<string>): Promise<Secret<string> | undefined> {
    const current = await this.token()
    if (current !== denied) return current
    if (performance.now() < this.#calmUntil || (await this.#parts.isAlive(denied))) return undefined
    this.#calmUntil = performance.now() + CALM_MS
    this.#drop(denied)
    return await this.token()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #held(): Promise<Held> {
    this.#taking ??= this.#take(() => this.#parts.login())
    return this.#taking
  }

  /** Concurrent requests share one login; a failed one is forgotten. */
  #take(login: () => Promise<Login>): Promise<Held> {
    const taking = login().then((made) => this.#hold(made))
    taking.catch(() => {
      if (this.#taking === taking) this.#taking = undefined
    })
    return taking
  }

  #hold({ token, seconds, renewable }: Login): Held {
    const lastsMs = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000
    const margin = Math.min(MARGIN_MS, lastsMs * 0.2)
    const held = { token, until: performance.now() + lastsMs - margin }
    this.#current = token
    if (renewable && seconds > 0) this.#renewIn(lastsMs * RENEW_AT, held)
    return held
  }

  #renewIn(delayMs: number, held: Held): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#renew(held), Math.min(delayMs, LONGEST_TIMER_MS))
    this.#timer.unref()
  }

  /** The old token stays in use meanwhile; when renewing fails, it is tried until the end. */
  async #renew(held: Held): Promise<void> {
    try {
      const renewed = this.#hold(await this.#parts.renew(held.token))
      // A token at its maximum age is renewed by nothing: the next use logs in.
      this.#taking = renewed.until > held.until ? Promise.resolve(renewed) : this.#taking
    } catch {
      const left = held.until - performance.now()
      if (left > 0) this.#renewIn(Math.max(left * RENEW_AT, 100), held)
    }
  }

  /** Concurrent requests find out at the same time: only the first one may drop it. */
  #drop(token: Secret<string>): void {
    if (this.#current !== token) return
    clearTimeout(this.#timer)
    this.#current = undefined
    this.#taking = undefined
  }
}

interface Held {
  readonly token: Secret<string>
  /** By `performance.now()`. */
  readonly until: number
}
