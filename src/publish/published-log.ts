import { proveInclusion } from '../ledger/proof.ts'
import type { Published, PublishedStore } from '../ledger/published.ts'
import type { GrantEntry, LedgerLog } from '../ledger/reader.ts'
import { formatReceipt } from '../ledger/receipt.ts'

/** The place that readers are served from. */
export const READERS = 'readers'

/**
 * The log as readers of a witnessed log get it: up to the newest checkpoint that was published,
 * with its cosignatures. Receipts rest on it as soon as it covers their entry, and on the log's own
 * signature before that, so that nobody waits for a witness.
 */
export class PublishedLog implements LedgerLog {
  readonly #log: LedgerLog
  readonly #store: PublishedStore

  constructor(log: LedgerLog, store: PublishedStore) {
    this.#log = log
    this.#store = store
  }

  async checkpoint(): Promise<Uint8Array> {
    const published = await this.#newest()
    return published === undefined ? await this.#log.checkpoint() : Buffer.from(published.note)
  }

  tile(level: number, index: number, width: number): Promise<Uint8Array | undefined> {
    return this.#log.tile(level, index, width)
  }

  entries(index: number, width: number): Promise<Uint8Array | undefined> {
    return this.#log.entries(index, width)
  }

  entriesOfGrant(grant: string): Promise<readonly GrantEntry[]> {
    return this.#log.entriesOfGrant(grant)
  }

  async receipt(index: number): Promise<string | undefined> {
    const published = await this.#newest()
    const isCovered = Number.isSafeInteger(index) && index >= 0 && index < (published?.size ?? 0)
    if (published === undefined || !isCovered) return await this.#log.receipt(index)
    const { size, note } = published
    const proof = await proveInclusion(index, size, (tile) =>
      this.#log.tile(tile.level, tile.index, tile.width),
    )
    return formatReceipt({ index, proof, checkpoint: note })
  }

  async #newest(): Promise<Published | undefined> {
    return (await this.#store.load()).get(READERS)
  }
}
