import type pg from 'pg'
import type { TileId } from '../tile.ts'

interface Wanted {
  readonly tile: TileId
  readonly resolve: (hashes: Buffer | undefined) => void
  readonly reject: (error: unknown) => void
}

/*
 * A full tile is a row. A partial one follows from what is below it, whether or not it is full by
 * now: hashes of entries, or roots of tiles. Fewer than 256 of them, all side by side in an index.
 */
const TILES = `
SELECT CASE
         WHEN w.width = 256 THEN (
           SELECT t.hashes FROM credctl_ledger.tiles t WHERE t.level = w.level AND t.index = w.index)
         WHEN w.level = 0 THEN (
           SELECT string_agg(e.leaf, '' ORDER BY e.index) FROM credctl_ledger.entries e
            WHERE e.index >= w.index * 256 AND e.index < w.index * 256 + w.width)
         ELSE (
           SELECT string_agg(t.root, '' ORDER BY t.index) FROM credctl_ledger.tiles t
            WHERE t.level = w.level - 1
              AND t.index >= w.index * 256 AND t.index < w.index * 256 + w.width)
       END AS hashes
  FROM unnest($1::int[], $2::bigint[], $3::int[]) WITH ORDINALITY AS w(level, index, width, at)
 ORDER BY w.at`

/** Tiles as the database has them. Those asked for in one turn come by one query. */
export class StoredTiles {
  readonly #pool: pg.Pool
  #wanted: Wanted[] = []

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Undefined, or fewer hashes than its width, when the log does not have the tile. */
  load(tile: TileId): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#wanted.length === 0) queueMicrotask(() => void this.#loadWanted())
      this.#wanted.push({ tile, resolve, reject })
    })
  }

  async #loadWanted(): Promise<void> {
    const wanted = this.#wanted
    this.#wanted = []
    const tiles = wanted.map(({ tile }) => tile)
    try {
      const { rows } = await this.#pool.query<{ hashes: Buffer | null }>({
        name: 'ledger-tiles',
        text: TILES,
        values: [
          tiles.map(({ level }) => level),
          tiles.map(({ index }) => index),
          tiles.map(({ width }) => width),
        ],
      })
      for (const [at, { resolve }] of wanted.entries()) resolve(rows[at]?.hashes ?? undefined)
    } catch (error) {
      for (const { reject } of wanted) reject(error)
    }
  }
}
