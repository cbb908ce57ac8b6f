import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
} from 'jose'
import type { Clock } from '../clock.ts'
import { CredctlError } from '../errors.ts'
import { isObject } from './strict-json.ts'

/** Times in milliseconds. One issuer's keys cost at most one request per cooldown. */
export interface KeySetTimes {
  /** Above this age, the next use starts a refresh and does not wait for it. */
  readonly refreshAfter: number
  /** Above this age, a use waits for a refresh. */
  readonly maxAge: number
  /** Above this age, keys that could not be refreshed are no longer believed. */
  readonly lastKnownGood: number
  /** Least time between two requests, also when they fail. */
  readonly cooldown: number
}

export const KEY_SET_TIMES: KeySetTimes = {
  refreshAfter: 5 * 60_000,
  maxAge: 10 * 60_000,
  lastKnownGood: 60 * 60_000,
  cooldown: 15_000,
}

/** No issuer rotates through more; comparing against thousands would be work for an attacker. */
const MAX_KEYS = 100

interface Kept {
  readonly find: LocalKeySet
  readonly count: number
  readonly at: number
  readonly clockAhead: number | undefined
}

type LocalKeySet = ReturnType<typeof createLocalJWKSet>
export type KeyLookup = (
  header: JWSHeaderParameters,
  token: FlattenedJWSInput,
) => Promise<CryptoKey>

/** What an operator wants to know of an issuer's keys. Times are Unix milliseconds. */
export interface KeySetState {
  readonly keys: number
  readonly fetchedAt: number | undefined
  readonly triedAt: number | undefined
  readonly failing: boolean
  /** How far the issuer's clock is ahead of ours, in seconds, as seen when its keys came. */
  readonly clockAhead: number | undefined
}

/** What a request for keys brings. */
export interface Published {
  readonly keys: unknown
  readonly servedAt: Date | undefined
}

/**
 * An issuer's public keys, kept across requests. A key id that is not known asks the issuer again,
 * which is how rotation is noticed; the cooldown keeps invented key ids from becoming requests.
 * While the issuer is down the last known good keys serve for a bounded time, then
 * `issuer_keys_unavailable`.
 */
export class KeySet {
  readonly #load: () => Promise<Published>
  readonly #clock: Clock
  readonly #times: KeySetTimes
  #keys: Kept | undefined
  #triedAt: number | undefined
  #failure: unknown
  #refreshing: Promise<void> | undefined

  constructor(load: () => Promise<Published>, clock: Clock, times: KeySetTimes = KEY_SET_TIMES) {
    this.#load = load
    this.#clock = clock
    this.#times = times
  }

  /** The key a token names. Rejects with jose's `JWKSNoMatchingKey` when there is none. */
  readonly find: KeyLookup = async (header, token) => {
    const keys = await this.#usable()
    try {
      return await keys.find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.#tryRefresh())) throw error
      return await (await this.#usable()).find(header, token)
    }
  }

  /** Makes sure that there are keys. Error: `issuer_keys_unavailable`. */
  async load(): Promise<void> {
    await this.#usable()
  }

  state(): KeySetState {
    return {
      keys: this.#keys?.count ?? 0,
      fetchedAt: this.#keys?.at,
      triedAt: this.#triedAt,
      failing: this.#failure !== undefined,
      clockAhead: this.#keys?.clockAhead,
    }
  }

  async #usable() {
    const { refreshAfter, maxAge, lastKnownGood } = this.#times
    const age = this.#age(this.#keys?.at)
    if (age > maxAge) await this.#tryRefresh()
    else if (age > refreshAfter) void this.#tryRefresh()
    if (this.#keys !== undefined && this.#age(this.#keys.at) <= lastKnownGood) return this.#keys
    throw new CredctlError('issuer_keys_unavailable', 'the keys of the issuer are not available', {
      hint: 'Try again shortly; credctl doctor shows the state of each issuer.',
      cause: this.#failure,
    })
  }

  /** True when new keys came. Callers that arrive during a refresh share it. */
  async #tryRefresh(): Promise<boolean> {
    if (this.#refreshing === undefined) {
      if (this.#age(this.#triedAt) < this.#times.cooldown) return false
      this.#triedAt = this.#clock.now().getTime()
      this.#refreshing = this.#refresh().finally(() => {
        this.#refreshing = undefined
      })
    }
    await this.#refreshing
    return this.#failure === undefined
  }

  async #refresh(): Promise<void> {
    try {
      const { keys, servedAt } = await this.#load()
      const usable = publicKeys(keys)
      const find = createLocalJWKSet({ keys: usable })
      const at = this.#clock.now().getTime()
      const clockAhead = servedAt && Math.round((servedAt.getTime() - at) / 1000)
      this.#keys = { find, count: usable.length, at, clockAhead }
      this.#failure = undefined
    } catch (cause) {
      this.#failure = cause
    }
  }

  /** Infinite for "never" and for a clock that was set back: both mean ask again. */
  #age(since: number | undefined): number {
    const age = since === undefined ? Infinity : this.#clock.now().getTime() - since
    return age < 0 ? Infinity : age
  }
}

/**
 * The members of a JWK set (RFC 7517 section 5) that can verify. A symmetric or private key in it
 * is left out: whoever reads the set could sign with it.
 */
function publicKeys(keys: unknown) {
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) {
    throw new CredctlError('issuer_keys_unavailable', `expected a list of at most ${MAX_KEYS} keys`)
  }
  const usable = keys.filter(isObject).filter((key) => key['kty'] !== 'oct' && !('d' in key))
  if (usable.length > 0) return usable
  throw new CredctlError('issuer_keys_unavailable', 'the issuer publishes no usable key')
}
