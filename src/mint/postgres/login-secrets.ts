import type { Random } from '../../clock.ts'
import { createLoginSecret, type LoginSecret } from '../../secret/scram.ts'

/** How many are kept ready: deriving one costs as much as creating the role it is for. */
const STOCK = 16

/** Login secrets made ahead of their use, so that a request does not wait for the derivation. */
export class LoginSecrets {
  readonly #random: Random
  readonly #ready: LoginSecret[] = []
  #filling = false

  constructor(random: Random) {
    this.#random = random
  }

  /** Each is given out once. */
  async take(): Promise<LoginSecret> {
    const ready = this.#ready.pop()
    // What fails here fails again, and visibly, when a secret is derived on demand.
    this.#fill().catch(() => undefined)
    return ready ?? (await createLoginSecret(this.#random))
  }

  async #fill(): Promise<void> {
    if (this.#filling) return
    this.#filling = true
    try {
      while (this.#ready.length < STOCK) this.#ready.push(await createLoginSecret(this.#random))
    } finally {
      this.#filling = false
    }
  }
}
