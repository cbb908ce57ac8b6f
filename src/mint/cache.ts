import type { Clock } from '../clock.ts'
import type { Minted } from './mint.ts'

interface Held<Credential> {
  readonly expiresAt: Date
  readonly targets: Map<string, Promise<Credential>>
}

/**
 * Minted credentials of live grants, in memory only. SDKs fetch again every few seconds: the same
 * grant and target get the same credential until it expires, and concurrent fetches share one
 * mint. A failed mint is not remembered.
 */
export class CredentialCache<Credential extends Minted = Minted> {
  readonly #clock: Clock
  readonly #held = new Map<string, Held<Credential>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async get(
    grant: { readonly id: string; readonly expiresAt: Date },
    target: string,
    mint: () => Promise<Credential>,
  ): Promise<Credential> {
    const known = this.#held.get(grant.id)?.targets.get(target)
    if (known !== undefined) {
      const minted = await known
      if (minted.expiresAt > this.#clock.now()) return minted
    }
    // Between the await above and here another caller may have started the next mint.
    const started = this.#held.get(grant.id)?.targets.get(target)
    if (started !== undefined && started !== known) return await started
    return await this.#start(grant, target, mint)
  }

  forget(grant: string): void {
    this.#held.delete(grant)
  }

  /** Drops what belongs to grants past their time; called now and then by the sweep. */
  prune(): void {
    const now = this.#clock.now()
    for (const [id, { expiresAt }] of this.#held) if (expiresAt <= now) this.#held.delete(id)
  }

  async #start(
    grant: { readonly id: string; readonly expiresAt: Date },
    target: string,
    mint: () => Promise<Credential>,
  ): Promise<Credential> {
    const held = this.#held.get(grant.id) ?? { expiresAt: grant.expiresAt, targets: new Map() }
    this.#held.set(grant.id, held)
    const pending = mint()
    held.targets.set(target, pending)
    try {
      return await pending
    } catch (error) {
      if (held.targets.get(target) === pending) held.targets.delete(target)
      throw error
    }
  }
}
