import type { Config } from '../config.ts'
import { isCredctlError } from '../errors.ts'
import type { SignedCheckpoint } from '../ledger/checkpoint.ts'
import type { PublishedStore } from '../ledger/published.ts'
import type { LedgerLog } from '../ledger/reader.ts'
import { Anchoring, type AnchoringParts, type ConfiguredAnchor, checkAnchor } from './anchoring.ts'
import { type AnchorSurroundings, anchorsOf, policyOf, witnessesOf } from './configured.ts'
import { withDeadline } from './deadline.ts'
import { PublishedLog } from './published-log.ts'
import type { WitnessFailure } from './witness.ts'
import { Witnessing } from './witnessing.ts'

export interface PublisherParts extends AnchorSurroundings {
  readonly config: Pick<Config, 'origin' | 'witnesses' | 'anchors'>
  /** The log itself. */
  readonly log: LedgerLog
  readonly open: (signed: Uint8Array | string) => SignedCheckpoint
  readonly published: PublishedStore
  readonly exclusively: AnchoringParts['exclusively']
  readonly onWitnessFailure: (witness: string, why: WitnessFailure) => void
  readonly onAnchorFailure: (anchor: string, error: unknown) => void
}

/** A broker that starts waits so long for an anchor, and then works without having asked it. */
const CHECK_MS = 10_000

/** Each holds a connection to the ledger while it works, and requests need the others. */
const AT_ONCE = 2

/**
 * Carries checkpoints out of the broker: to witnesses, to readers, to anchors. Everything here runs
 * beside requests; when all of it is down, the log goes on.
 */
export class Publisher {
  /** The log as readers get it: with cosignatures when there are witnesses. */
  readonly log: LedgerLog
  readonly witnessing: Witnessing | undefined
  readonly anchorings: readonly Anchoring[]
  readonly #anchors: readonly ConfiguredAnchor[]
  readonly #parts: PublisherParts

  /** Errors: `config_invalid`. */
  constructor(parts: PublisherParts) {
    const { config, log, published } = parts
    this.#parts = parts
    this.#anchors = anchorsOf(config, parts)
    if (config.witnesses === undefined) {
      this.log = log
    } else {
      this.log = new PublishedLog(log, published)
      this.witnessing = new Witnessing({
        ...parts,
        witnesses: witnessesOf(config.witnesses),
        policy: policyOf(config.witnesses),
        onFailure: parts.onWitnessFailure,
      })
    }
    const exclusively = atMost(AT_ONCE, parts.exclusively)
    const common = { ...parts, exclusively, log: this.log, onFailure: parts.onAnchorFailure }
    this.anchorings = this.#anchors.map((anchor) => new Anchoring(anchor, common))
  }

  /**
   * Asks every anchor whether the log in the database continues what it holds. Throws
   * `ledger_diverged` when one says no; one that does not answer is reported and stops nothing.
   */
  async check(): Promise<void> {
    const { open, log, onAnchorFailure } = this.#parts
    const checks = this.#anchors.map(async (anchor) => {
      try {
        await withDeadline(checkAnchor(anchor, { open, log }), CHECK_MS)
      } catch (error) {
        if (isCredctlError(error, 'ledger_diverged')) throw error
        onAnchorFailure(anchor.name, error)
      }
    })
    await Promise.all(checks)
  }
}

/** Beyond so many at once, a task is for another round. */
function atMost(
  limit: number,
  exclusively: AnchoringParts['exclusively'],
): AnchoringParts['exclusively'] {
  let running = 0
  return async (task, run) => {
    if (running >= limit) return undefined
    running += 1
    try {
      return await exclusively(task, run)
    } finally {
      running -= 1
    }
  }
}
