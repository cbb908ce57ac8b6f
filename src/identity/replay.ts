import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { CredctlError } from '../errors.ts'

/** One thing that may be used once: a token id of an issuer, a proof id of a key. */
export interface SingleUse {
  /** Whose id it is; ids of different owners never collide. */
  readonly owner: string
  readonly id: string
  /** After this it is refused for its age anyway, so it may be forgotten. */
  readonly until: Date
}

/**
 * Remembers what was used. `firstUse` is true exactly once per owner and id until `until`, across
 * everything that shares the store. When it rejects, nothing may be accepted.
 */
export interface ReplayStore {
  firstUse(use: SingleUse): Promise<boolean>
}

/** Fixed-size key for an owner and an id of any length, which cannot run into each other. */
export function singleUseKey({ owner, id }: SingleUse): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([owner, id]))
    .digest()
}

/** For one broker process. Bounded: full of live entries it refuses rather than forgets. */
export class MemoryReplayStore implements ReplayStore {
  readonly #clock: Clock
  readonly #capacity: number
  readonly #untilByKey = new Map<string, number>()

  constructor(clock: Clock, capacity = 100_000) {
    this.#clock = clock
    this.#capacity = capacity
  }

  async firstUse(use: SingleUse): Promise<boolean> {
    const now = this.#clock.now().getTime()
    const key = singleUseKey(use).toString('base64')
    if ((this.#untilByKey.get(key) ?? 0) >= now) return false
    if (this.#untilByKey.size >= this.#capacity) this.#forget(now)
    this.#untilByKey.set(key, use.until.getTime())
    return true
  }

  #forget(now: number): void {
    for (const [key, until] of this.#untilByKey) if (until < now) this.#untilByKey.delete(key)
    if (this.#untilByKey.size < this.#capacity) return
    throw new CredctlError('unavailable', 'too many single-use tokens at once; try again shortly')
  }
}

interface SpendableIssuer {
  readonly name: string
  readonly config: { readonly clock_tolerance: number }
}

/** Marks a verified token as used. Errors: `token_replayed`, `token_claim_missing`. */
export async function spendToken(
  { jti, exp }: { readonly jti?: unknown; readonly exp?: number },
  { name, config }: SpendableIssuer,
  store: ReplayStore,
): Promise<void> {
  if (typeof jti !== 'string' || jti === '' || exp === undefined) {
    throw new CredctlError('token_claim_missing', 'the token has no jti claim', {
      hint: 'Tokens of this issuer are good for one request, so each needs an id.',
    })
  }
  const until = new Date((exp + config.clock_tolerance) * 1000)
  if (await store.firstUse({ owner: `issuer:${name}`, id: jti, until })) return
  throw new CredctlError('token_replayed', 'the token was used before', {
    hint: 'Request a new token for each grant.',
  })
}
