import type { Clock } from '../../clock.ts'
import { CredctlError } from '../../errors.ts'
import { DENY_PREFIX, denyPolicy, FORGET_AFTER_MS, isForgettable } from './deny-policy.ts'
import { isNamed, type RolePolicies } from './role-policies.ts'

/** How a revocation went: the deny is in place, or the role has no room for it. */
export type Denied = 'denied' | 'full'

const COLLECT_EVERY_MS = 10 * 60_000

/**
 * Denies single grants on one role. Every replica writes an inline policy of its own, whole each
 * time, so that no two writers ever change one document; IAM has no compare-and-swap. Writes go one
 * after the other, and revocations that arrive meanwhile share the next. What a replica forgets in a
 * crash is still denied by the policy it wrote, until any replica finds that policy too old.
 */
export class Revoker {
  readonly #policies: RolePolicies
  readonly #clock: Clock
  readonly #name: string
  readonly #denied = new Map<string, Date>()
  #before: Date | undefined
  /** What IAM confirmed last. */
  #confirmed: ReadonlySet<string> = new Set()
  #running: Promise<unknown> = Promise.resolve()
  #next: Promise<void> | undefined
  #collectedAt = 0

  constructor(policies: RolePolicies, clock: Clock, replica: string) {
    this.#policies = policies
    this.#clock = clock
    this.#name = `${DENY_PREFIX}${replica}`
  }

  /**
   * Denies everything to the sessions of a grant, until they could not live any more. Resolves when
   * IAM has confirmed the deny by reading it back. `full`: the role's quota of inline policies has
   * no room; nothing was denied. Errors: `target_unavailable`; the caller tries again.
   */
  async deny(sourceIdentity: string, until: Date): Promise<Denied> {
    if (this.#confirmed.has(sourceIdentity)) return 'denied'
    this.#denied.set(sourceIdentity, until)
    try {
      await this.#nextWrite()
      return 'denied'
    } catch (error) {
      this.#denied.delete(sourceIdentity)
      if (isNamed(error, 'LimitExceeded')) return 'full'
      throw unavailable(error)
    }
  }

  /**
   * Denies everything to every session of the role that was issued before now, whichever grant it
   * belongs to. That covers what any replica denied one by one, so their lists give way when IAM's
   * quota (10,240 characters of inline policies a role) has no room. Errors: `target_unavailable`.
   */
  async denyAllBefore(moment: Date): Promise<void> {
    this.#before = moment
    this.#denied.clear()
    try {
      await this.#nextWrite().catch(async (error: unknown) => {
        if (!isNamed(error, 'LimitExceeded')) throw error
        await this.#shrinkOthers(moment)
        await this.#nextWrite()
      })
    } catch (error) {
      throw unavailable(error)
    }
  }

  async close(): Promise<void> {
    await this.#policies.close()
  }

  /** The write that will carry everything denied by now; one waits at most. */
  #nextWrite(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      const write = this.#write()
      this.#running = write.catch(() => undefined)
      return write
    })
    return this.#next
  }

  async #write(): Promise<void> {
    await this.#collect()
    const now = this.#clock.now()
    for (const [identity, until] of this.#denied) if (until <= now) this.#denied.delete(identity)
    const age = now.getTime() - (this.#before?.getTime() ?? 0)
    if (age > FORGET_AFTER_MS) this.#before = undefined
    const identities = [...this.#denied.keys()]
    const policy = denyPolicy({ identities, before: this.#before })
    if (policy === undefined) return await this.#policies.remove(this.#name)
    await this.#policies.put(this.#name, policy)
    if ((await this.#policies.read(this.#name)) !== JSON.stringify(policy)) {
      throw new Error('IAM does not hold the deny that was written')
    }
    this.#confirmed = new Set(identities)
  }

  /** Removes denies, also of replicas that are gone, that nothing alive can need. */
  async #collect(): Promise<void> {
    const now = this.#clock.now()
    if (now.getTime() - this.#collectedAt < COLLECT_EVERY_MS) return
    this.#collectedAt = now.getTime()
    for (const name of await this.#others()) {
      const text = await this.#policies.read(name)
      if (text !== undefined && isForgettable(text, now)) await this.#policies.remove(name)
    }
  }

  /** Replaced, not removed: there is no moment in which a session they denied is allowed. */
  async #shrinkOthers(moment: Date): Promise<void> {
    const policy = denyPolicy({ identities: [], before: moment })
    if (policy === undefined) return
    for (const name of await this.#others()) await this.#policies.put(name, policy)
  }

  async #others(): Promise<string[]> {
    const names = await this.#policies.names()
    return names.filter((name) => name.startsWith(DENY_PREFIX) && name !== this.#name)
  }
}

function unavailable(cause: unknown): CredctlError {
  return new CredctlError('target_unavailable', 'IAM did not take the deny that ends the session', {
    hint: 'it is tried again; the session ends with its grant at the latest',
    cause,
  })
}
