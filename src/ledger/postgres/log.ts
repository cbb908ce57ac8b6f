import type pg from 'pg'
import { formatCheckpoint } from '../checkpoint.ts'
import { HASH_BYTES } from '../merkle.ts'
import type { Signer } from '../note.ts'
import { proveInclusion } from '../proof.ts'
import type { GrantEntry, LedgerLog } from '../reader.ts'
import { formatReceipt } from '../receipt.ts'
import { encodeBundle, MAX_TILE_LEVEL, TILE_WIDTH } from '../tile.ts'
import { unavailable } from './connection.ts'
import { type Head, readHead, tileHashes } from './head.ts'

/** The published face of a log in PostgreSQL. Reads only; any replica answers for the whole log. */
export class PostgresLog implements LedgerLog {
  readonly #pool: pg.Pool
  readonly #signer: Signer

  constructor(pool: pg.Pool, signer: Signer) {
    this.#pool = pool
    this.#signer = signer
  }

  async checkpoint(): Promise<Uint8Array> {
    return Buffer.from(this.#signed(await this.#read(() => readHead(this.#pool))))
  }

  async tile(level: number, index: number, width: number): Promise<Uint8Array | undefined> {
    if (!isTile(index, width) || !(level >= 0 && level <= MAX_TILE_LEVEL)) return undefined
    return await this.#read(() => this.#tile(level, index, width))
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
      const tile = ({ level, index, width }: { level: number; index: number; width: number }) =>
        this.#tile(level, index, width)
      const proof = await proveInclusion(index, head.size, tile)
      return formatReceipt({ index, proof, checkpoint: this.#signed(head) })
    })
  }

  /** An empty log has no batch that would have signed it. */
  #signed({ size, root, checkpoint }: Head): string {
    if (size > 0) return checkpoint
    return this.#signer.sign(formatCheckpoint({ origin: this.#signer.name, size, root }))
  }

  async #tile(level: number, index: number, width: number): Promise<Uint8Array | undefined> {
    const full = await this.#fullTile(level, index)
    if (full !== undefined) return full.subarray(0, width * HASH_BYTES)
    if (width === TILE_WIDTH) return undefined
    const hashes = await tileHashes(this.#pool, level, index * TILE_WIDTH, width)
    return hashes.length === width ? Buffer.concat(hashes) : undefined
  }

  async #fullTile(level: number, index: number): Promise<Buffer | undefined> {
    const { rows } = await this.#pool.query<{ hashes: Buffer }>({
      name: 'ledger-tile',
      text: 'SELECT hashes FROM credctl_ledger.tiles WHERE level = $1 AND index = $2',
      values: [level, index],
    })
    return rows[0]?.hashes
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
