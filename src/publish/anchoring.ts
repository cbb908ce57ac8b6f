import { CredctlError, isCredctlError } from '../errors.ts'
import type { SignedCheckpoint } from '../ledger/checkpoint.ts'
import { verifyConsistency } from '../ledger/merkle.ts'
import { proveConsistency } from '../ledger/proof.ts'
import type { PublishedStore } from '../ledger/published.ts'
import type { LogReader } from '../ledger/reader.ts'
import type { Anchor } from './anchor.ts'
import { withDeadline } from './deadline.ts'
import { Retry } from './retry.ts'

export interface ConfiguredAnchor {
  readonly name: string
  readonly anchor: Anchor
  /** Least time between two checkpoints there, in milliseconds. */
  readonly everyMs: number
}

export interface AnchoringParts {
  readonly now: () => Date
  /** As readers get it, with cosignatures. */
  readonly log: LogReader
  readonly open: (signed: Uint8Array | string) => SignedCheckpoint
  readonly published: PublishedStore
  readonly exclusively: <T>(task: string, run: () => Promise<T>) => Promise<T | undefined>
  readonly onFailure: (anchor: string, error: unknown) => void
}

/** How far an anchor is behind, for all replicas. */
export interface AnchorView {
  /** Entries that no checkpoint there covers. */
  readonly behind: number
  /** When it got its newest checkpoint; undefined before the first. */
  readonly at: Date | undefined
}

/** A broker that stops waits for no anchor longer than this. */
const PUT_MS = 20_000

/** Puts checkpoints into one anchor, beside requests; several replicas share the work. */
export class Anchoring {
  readonly #where: ConfiguredAnchor
  readonly #parts: AnchoringParts
  readonly #retry = new Retry()
  #view: AnchorView = { behind: 0, at: undefined }

  constructor(where: ConfiguredAnchor, parts: AnchoringParts) {
    this.#where = where
    this.#parts = parts
  }

  get name(): string {
    return this.#where.name
  }

  get view(): AnchorView {
    return this.#view
  }

  /** Puts the newest checkpoint there when it is time for one. */
  async round(): Promise<void> {
    const { name } = this.#where
    if (this.#isDue(await this.#look())) {
      await this.#parts.exclusively(`anchor ${name}`, async () => {
        // Another replica may have been faster.
        const checkpoint = await this.#look()
        if (this.#isDue(checkpoint)) await this.#put(checkpoint)
      })
    }
  }

  #isDue({ size }: SignedCheckpoint): boolean {
    const { behind, at } = this.#view
    const now = this.#parts.now()
    const rested = at === undefined || now.getTime() - at.getTime() >= this.#where.everyMs
    return size > 0 && behind > 0 && rested && this.#retry.isDue(now)
  }

  async #look(): Promise<SignedCheckpoint> {
    const { log, open, published } = this.#parts
    const checkpoint = open(await log.checkpoint())
    const last = (await published.load()).get(placeOf(this.#where.name))
    this.#view = { behind: Math.max(0, checkpoint.size - (last?.size ?? 0)), at: last?.at }
    return checkpoint
  }

  async #put(checkpoint: SignedCheckpoint): Promise<void> {
    const { name, anchor } = this.#where
    const { origin, size, root, signed } = checkpoint
    const now = this.#parts.now()
    try {
      await withDeadline(anchor.put({ origin, size, root, note: signed }), PUT_MS)
      this.#retry.succeeded()
    } catch (error) {
      this.#retry.failed(now)
      this.#parts.onFailure(name, error)
      return
    }
    await this.#parts.published.save(placeOf(name), { size, note: signed, at: now })
    this.#view = { behind: 0, at: now }
  }
}

function placeOf(name: string): string {
  return `anchor ${name}`
}

/** Enough to find a good one behind what somebody else may have put there. */
const LOOKED_AT = 20

/**
 * Throws `ledger_diverged` unless the log continues the newest checkpoint that the anchor holds: a
 * restored backup is consistent in itself, and only memory outside tells that it is older. Errors
 * of the anchor are thrown as they are.
 */
export async function checkAnchor(
  { name, anchor }: ConfiguredAnchor,
  { log, open }: Pick<AnchoringParts, 'log' | 'open'>,
): Promise<void> {
  const { kept } = await anchor.read(LOOKED_AT)
  const newest = kept
    .flatMap(({ note }) => opened(open, note))
    .reduce<SignedCheckpoint | undefined>(
      (best, each) => (best === undefined || each.size > best.size ? each : best),
      undefined,
    )
  if (newest === undefined || newest.size === 0) return
  const head = open(await log.checkpoint())
  if (newest.size > head.size) {
    throw diverged(
      `it has ${head.size} entries, anchor ${name} holds a checkpoint of ${newest.size}`,
    )
  }
  const proof = await proveConsistency(newest.size, head.size, ({ level, index, width }) =>
    log.tile(level, index, width),
  )
  const roots = { firstRoot: newest.root, secondRoot: head.root }
  if (verifyConsistency({ first: newest.size, second: head.size, ...roots, proof })) return
  throw diverged(`its first ${newest.size} entries are not those that anchor ${name} holds`)
}

function opened(open: AnchoringParts['open'], note: string): SignedCheckpoint[] {
  try {
    return [open(note)]
  } catch (error) {
    if (isCredctlError(error, 'log_invalid')) return []
    throw error
  }
}

function diverged(problem: string): CredctlError {
  return new CredctlError('ledger_diverged', `the ledger's database is not this log: ${problem}`, {
    hint: 'stop, keep the database as it is, and run credctl log verify',
  })
}
