import { joinGroup, quoteRole } from '../../plan/postgres/sql.ts'
import type { Session } from './admin.ts'
import { retryingRaces } from './failure.ts'

interface Waiting {
  readonly login: string
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/**
 * Gives logins their group role. A GRANT locks the group role until it is on disk, so those for one
 * role come one after the other; the logins that wait meanwhile share the next statement.
 */
export class Memberships {
  readonly #session: Session
  readonly #waiting = new Map<string, Waiting[]>()
  readonly #busy = new Set<string>()

  constructor(session: Session) {
    this.#session = session
  }

  /** Resolves when the membership is on disk. Errors: the driver's own, for this login alone. */
  join(login: string, group: string): Promise<void> {
    return new Promise((done, failed) => {
      const waiting = this.#waiting.get(group) ?? []
      this.#waiting.set(group, [...waiting, { login, done, failed }])
      void this.#drain(group)
    })
  }

  async #drain(group: string): Promise<void> {
    if (this.#busy.has(group)) return
    this.#busy.add(group)
    for (let next = this.#take(group); next.length > 0; next = this.#take(group)) {
      await this.#grant(group, next)
    }
    this.#busy.delete(group)
  }

  #take(group: string): readonly Waiting[] {
    const waiting = this.#waiting.get(group) ?? []
    this.#waiting.delete(group)
    return waiting
  }

  /** One login that is gone must not fail the others: then each is tried by itself. */
  async #grant(group: string, waiting: readonly Waiting[]): Promise<void> {
    const logins = waiting.map(({ login }) => quoteRole(login)).join(', ')
    const statement = joinGroup(logins, group)
    try {
      await retryingRaces(() => this.#session.batch(statement))
      for (const { done } of waiting) done()
    } catch (error) {
      if (waiting.length === 1) for (const { failed } of waiting) failed(error)
      else for (const one of waiting) await this.#grant(group, [one])
    }
  }
}
