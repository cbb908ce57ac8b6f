import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import type { Published, PublishedStore } from '../../src/ledger/published.ts'
import type { LogReader } from '../../src/ledger/reader.ts'
import { TILE_WIDTH } from '../../src/ledger/tile.ts'
import { catalogue } from '../ledger/entries.ts'
import { type FileLog, logKeys, writeLog } from '../ledger/file-log.ts'

/** A log in memory that a test grows, and rewrites when it likes. */
export class GrowingLog implements LogReader {
  #files: FileLog
  #size: number

  constructor(size: number) {
    this.#size = size
    this.#files = written(size, 0)
  }

  grow(entries: number): void {
    this.#size += entries
    this.#files = written(this.#size, 0)
  }

  /** As an older backup, or another history, of this size. */
  replace(size: number, seed = 0): void {
    this.#size = size
    this.#files = written(size, seed)
  }

  checkpoint = () => this.#files.checkpoint()
  entries = (index: number, width: number) => this.#files.entries(index, width)
  /** Any width of a tile, as the database gives it. */
  tile = async (level: number, index: number, width: number) => {
    const exact = await this.#files.tile(level, index, width)
    if (exact !== undefined) return exact
    for (let wider = width + 1; wider <= TILE_WIDTH; wider += 1) {
      const tile = await this.#files.tile(level, index, wider)
      if (tile !== undefined) return tile.subarray(0, width * 32)
    }
    return undefined
  }
}

function written(size: number, seed: number): FileLog {
  return writeLog(Array.from({ length: size }, (_, at) => catalogue(seed + (at % 7))))
}

export const open = (signed: Uint8Array | string) => openCheckpoint(signed, logKeys)

/** The store of one process; `save` refuses as the database does. */
export function memoryStore(): PublishedStore & { readonly places: Map<string, Published> } {
  const places = new Map<string, Published>()
  return {
    places,
    load: async () => new Map(places),
    save: async (place, published) => {
      if ((places.get(place)?.size ?? 0) > published.size) return false
      places.set(place, published)
      return true
    },
  }
}
