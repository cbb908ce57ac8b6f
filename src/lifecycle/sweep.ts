import { type Random, ulid } from '../clock.ts'
import type { CredentialState } from '../ledger/ledger.ts'
import { type ClosingParts, closedGrants } from './closing.ts'
import { endGrant } from './ending.ts'
import { type Parts, type RevocationResult, revokeCredential } from './revocation.ts'

/** How much one round takes on: after a long outage, revocations are paced, not a storm. */
const BATCH = 50
const PARALLEL = 4
/** A fetch that is still running on some replica has this long before its credential counts as orphaned. */
export const ORPHAN_AFTER_MS = 60_000
const FIRST_RETRY_MS = 2_000
const LAST_RETRY_MS = 300_000

export interface SweepParts extends Parts, ClosingParts {
  readonly random: Random
  /** Age in ms at which a credential without outcome counts as left behind by a dead broker. */
  readonly orphanAfterMs: number
  /** Called for every revocation that did not finish, with the number of tries so far. */
  readonly onPending: (credential: CredentialState, code: string, tries: number) => void
  /** Called every round with what is left to end; the number is cut off at a few hundred. */
  readonly onBacklog: (backlog: { credentials: number; oldestSeconds: number }) => void
}

/**
 * Ends what nobody else will: grants past their time or outside their window, credentials whose broker died before it
 * recorded an outcome, revocations that failed. Everything it needs is in the ledger's state, so
 * it works the same after a crash, after a restart and beside other replicas.
 */
export class Sweep {
  readonly #parts: SweepParts
  readonly #retries = new Map<string, { tries: number; notBefore: number }>()

  constructor(parts: SweepParts) {
    this.#parts = parts
  }

  /** One round. Returns how much it ended; undefined when another replica is at it. */
  async round(): Promise<number | undefined> {
    return this.#parts.ledger.exclusively('sweep', async () => {
      const expired = await tried(this.#endExpired())
      const closed = await tried(this.#endClosed())
      const revoked = await tried(this.#finish())
      return expired() + closed() + revoked()
    })
  }

  async #endExpired(): Promise<number> {
    const { ledger, clock, random } = this.#parts
    const now = clock.now()
    const grants = await ledger.expired(now, BATCH)
    const occasion = { request: ulid(clock, random), now }
    await inParallel(grants, (grant) => endGrant(this.#parts, occasion, grant, 'expired'))
    return grants.length
  }

  async #endClosed(): Promise<number> {
    const { clock, random } = this.#parts
    const grants = (await closedGrants(this.#parts)).slice(0, BATCH)
    const occasion = { request: ulid(clock, random), now: clock.now() }
    await inParallel(grants, (grant) => endGrant(this.#parts, occasion, grant, 'closed'))
    return grants.length
  }

  async #finish(): Promise<number> {
    const { ledger, clock, random } = this.#parts
    const now = clock.now()
    // Those that wait for another try come first; there must be room for others behind them.
    const open = await ledger.unfinished(now, BATCH * 4 + this.#retries.size)
    this.#forgetFinished(open)
    this.#parts.onBacklog({
      credentials: open.length,
      oldestSeconds:
        Math.max(0, ...open.map((each) => now.getTime() - each.requestedAt.getTime())) / 1000,
    })
    const due = open.filter((credential) => this.#isDue(credential, now.getTime()))
    const request = ulid(clock, random)
    const results = await inParallel(due.slice(0, BATCH), async (credential) => {
      const result = await revokeCredential(this.#parts, request, credential)
      this.#remember(credential, result)
      return result
    })
    return results.filter(({ outcome }) => outcome !== 'pending').length
  }

  #isDue(credential: CredentialState, now: number): boolean {
    const inFlight =
      credential.status === 'requested' &&
      now - credential.requestedAt.getTime() < this.#parts.orphanAfterMs
    return !inFlight && (this.#retries.get(credential.id)?.notBefore ?? 0) <= now
  }

  /** Another replica may have finished what failed here. */
  #forgetFinished(open: readonly CredentialState[]): void {
    const ids = new Set(open.map(({ id }) => id))
    for (const id of this.#retries.keys()) if (!ids.has(id)) this.#retries.delete(id)
  }

  /** Without limit, with growing pauses: a target may be down for days. */
  #remember(credential: CredentialState, result: RevocationResult): void {
    if (result.outcome !== 'pending') {
      this.#retries.delete(credential.id)
      return
    }
    const tries = (this.#retries.get(credential.id)?.tries ?? 0) + 1
    const pause = Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), LAST_RETRY_MS)
    const notBefore = this.#parts.clock.now().getTime() + pause
    this.#retries.set(credential.id, { tries, notBefore })
    this.#parts.onPending(credential, result.code, tries)
  }
}

/** A failure for later: what comes next must not depend on it. */
async function tried<T>(running: Promise<T>): Promise<() => T> {
  return await running.then(
    (result) => () => result,
    (error: unknown) => () => {
      throw error
    },
  )
}

/** Runs every item, also after one has failed; then fails with the first failure. */
async function inParallel<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: (() => R)[] = []
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      results.push(await tried(run(item)))
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return results.map((result) => result())
}
