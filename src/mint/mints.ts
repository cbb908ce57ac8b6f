import { CredctlError } from '../errors.ts'
import type { Mint } from './mint.ts'
import type { Upkeep } from './upkeep.ts'

/** The mint of each target, by environment and target name; filled once, at start. */
export class Mints {
  readonly #mints: ReadonlyMap<string, Mint>

  constructor(mints: Iterable<readonly [environment: string, target: string, mint: Mint]>) {
    this.#mints = new Map(
      [...mints].map(([environment, target, mint]) => [key(environment, target), mint]),
    )
  }

  /** Throws `target_unknown`: also for a target that an older configuration had. */
  of(environment: string, target: string): Mint {
    const mint = this.#mints.get(key(environment, target))
    if (mint !== undefined) return mint
    throw new CredctlError('target_unknown', `no target ${target} in environment ${environment}`)
  }

  /** Every target's upkeep, for those that have one. */
  *upkeep(): Generator<{ environment: string; target: string; upkeep: Upkeep }> {
    for (const [place, { upkeep }] of this.#mints) {
      const [environment = '', target = ''] = place.split('/')
      if (upkeep !== undefined) yield { environment, target, upkeep }
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#mints.values()].map((mint) => mint.close()))
  }
}

/** Names hold neither spaces nor slashes, so the pair has one spelling. */
function key(environment: string, target: string): string {
  return `${environment}/${target}`
}
