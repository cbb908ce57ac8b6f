import type pg from 'pg'
import { formatCheckpoint } from '../checkpoint.ts'
import { HASH_BYTES } from '../merkle.ts'
import type { Signer } from '../note.ts'
import { proveInclusion } from '../proof.ts'
import type { GrantEntry, LedgerLog } from '../reader.ts'
import { formatReceipt } from '../receipt.ts'
import { encodeBundle, MAX_TILE_LEVEL, TILE_WIDTH, type TileId, tilePath } from '../tile.ts'
import { unavailable } from './connection.ts'
import { type Head, readHead } from './head.ts'
import { StoredTiles } from './stored-tiles.ts'

/** 8 KB each: a proof in a log of ten million needs one of the 153 of level 1 beside its own. */
const KEPT_TILES = 512

/** The published face of a log in PostgreSQL. Reads only; any replica answers for the whole log. */
export class PostgresLog implements LedgerLog {
  readonly #pool: pg.Pool
  readonly #signer: Signer
  readonly #stored: StoredTiles
  readonly #tiles = new Map<string, Buffer>()

  constructor(pool: pg.Pool, signer: Signer) {
    this.#pool = pool
    this.#signer = signer
    this.#stored = new StoredTiles(pool)
  }

  async checkpoint(): Promise<Uint8Array> {
    return Buffer.from(this.#signed(await this.#read(() => readHead(this.#pool))))
  }

  async tile(level: number, index: number, width: number): Promise<Uint8Array | undefined> {
    if (!isTile(index, width) || !(level >= 0 && level <= MAX_TILE_LEVEL)) return undefined
    return await this.#read(() => this.#tile({ level, index, width }))
  }

  async entries(index: number, width: number): Promise<Uint8Array | undefined> {
    if (!isTile(index, width)) return undefined
    const first = index * TILE_WIDTH
    const bodies = await this.#read(async () => {
      const { rows } = await this.#pool.query<{ body: Buffer }>({
        name: 'ledger-bodies',
        text: 'SELECT body FROM credctl_ledger.entries WHERE index >= $1 AND index < $2 ORDER BY index',
        values: [first, first + width],
      })
      return rows.map(({ body }) => body)
    })
    return bodies.length === width ? encodeBundle(bodies) : undefined
  }

  async entriesOfGrant(grant: string): Promise<readonly GrantEntry[]> {
    return await this.#read(async () => {
      const { rows } = await this.#pool.query<{ index: string; body: Buffer }>({
        name: 'ledger-entries-of-grant',
        text: 'SELECT index, body FROM credctl_ledger.entries WHERE grant_id = $1 ORDER BY index',
        values: [grant],
      })
      return rows.map(({ index, body }) => ({ index: Number(index), bytes: body }))
    })
  }

  async receipt(index: number): Promise<string | undefined> {
    return await this.#read(async () => {
      const head = await readHead(this.#pool)
      if (!Number.isSafeInteger(index) || index < 0 || index >= head.size) return undefined
      const proof = await proveInclusion(index, head.size, (tile) => this.#tile(tile))
      return formatReceipt({ index, proof, checkpoint: this.#signed(head) })
    })
  }

  /** An empty log has no batch that would have signed it. */
  #signed({ size, root, checkpoint }: Head): string {
    if (size > 0) return checkpoint
    return this.#signer.sign(formatCheckpoint({ origin: this.#signer.name, size, root }))
  }

  /** Neither full tiles nor partial ones ever change, and those above level 0 are in every proof. */
  async #tile(tile: TileId): Promise<Buffer | undefined> {
    const known = this.#tiles.get(tilePath(tile))
    if (known !== undefined) return known
    const hashes = await this.#stored.load(tile)
    if (hashes?.length !== tile.width * HASH_BYTES) return undefined
    const [oldest] = this.#tiles.keys()
    if (this.#tiles.size >= KEPT_TILES && oldest !== undefined) this.#tiles.delete(oldest)
    this.#tiles.set(tilePath(tile), hashes)
    return hashes
  }

  async #read<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw unavailable(error)
    }
  }
}

function isTile(index: number, width: number): boolean {
  const whole = Number.isSafeInteger(index) && Number.isSafeInteger(width)
  return whole && index >= 0 && width >= 1 && width <= TILE_WIDTH
}
