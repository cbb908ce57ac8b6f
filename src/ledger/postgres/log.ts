import type pg from 'pg'
import { formatCheckpoint } from '../checkpoint.ts'
import type { Signer } from '../note.ts'
import { proveInclusion } from '../proof.ts'
import type { GrantEntry, LedgerLog } from '../reader.ts'
import { formatReceipt } from '../receipt.ts'
import { encodeBundle, MAX_TILE_LEVEL, TILE_WIDTH } from '../tile.ts'
import { unavailable } from './connection.ts'
import { type Head, readHead, tileHashes } from './head.ts'

/** 8 KB each. */
const KEPT_TILES = 256

/** The published face of a log in PostgreSQL. Reads only; any replica answers for the whole log. */
export class PostgresLog implements LedgerLog {
  readonly #pool: pg.Pool
  readonly #signer: Signer
  readonly #tiles = new Map<string, Buffer>()

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

  /** A partial tile follows from what is below it, whether or not it is full by now. */
  async #tile(level: number, index: number, width: number): Promise<Uint8Array | undefined> {
    if (width === TILE_WIDTH) return await this.#fullTile(level, index)
    const hashes = await tileHashes(this.#pool, level, index * TILE_WIDTH, width)
    return hashes.length === width ? Buffer.concat(hashes) : undefined
  }

  async #fullTile(level: number, index: number): Promise<Buffer | undefined> {
    const key = `${level}/${index}`
    const known = this.#tiles.get(key)
    if (known !== undefined) return known
    const { rows } = await this.#pool.query<{ hashes: Buffer }>({
      name: 'ledger-tile',
      text: 'SELECT hashes FROM credctl_ledger.tiles WHERE level = $1 AND index = $2',
      values: [level, index],
    })
    const hashes = rows[0]?.hashes
    if (hashes !== undefined) this.#keep(key, hashes)
    return hashes
  }

  /** Full tiles never change, and the few above level 0 are in every proof. */
  #keep(key: string, hashes: Buffer): void {
    const [oldest] = this.#tiles.keys()
    if (this.#tiles.size >= KEPT_TILES && oldest !== undefined) this.#tiles.delete(oldest)
    this.#tiles.set(key, hashes)
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
