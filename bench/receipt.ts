import { hash } from 'node:crypto'
import type pg from 'pg'
import { systemClock } from '../src/clock.ts'
import { formatCheckpoint } from '../src/ledger/checkpoint.ts'
import { Edge, type FullTile } from '../src/ledger/edge.ts'
import { createSigner, parseVkey } from '../src/ledger/note.ts'
import { PostgresLedger } from '../src/ledger/postgres/ledger.ts'
import { migrate } from '../src/ledger/postgres/migrate.ts'
import { verifyReceipt } from '../src/ledger/receipt.ts'
import { Secret } from '../src/secret/secret.ts'
import { allowed, id } from '../test/ledger/entries.ts'
import { seededKey } from '../test/ledger/seeded-key.ts'
import { startTestPostgres } from '../test/support/postgres.ts'
import { measure, type Row } from './row.ts'

const RUNTIME = 'credctl_bench'
const ENTRIES = 10_000_000
const CHUNK = 65_536
const BODY_BYTES = 64
const signer = createSigner('broker.example/log', seededKey(1))

/**
 * Receipts of entries anywhere in a log of ten million, which is written straight into the tables:
 * entries of 64 bytes, that no broker would write, with true hashes, tiles and checkpoint.
 */
export async function bench(): Promise<readonly Row[]> {
  const { postgres, close } = await startTestPostgres({})
  try {
    const admin = await postgres.client()
    await admin.query(`CREATE ROLE ${RUNTIME} LOGIN PASSWORD '${RUNTIME}'`)
    const database = await postgres.database('bench')
    const owner = await postgres.client({ database })
    await migrate(owner, RUNTIME)
    await fill(owner)
    const { host, port } = postgres
    const password = async () => new Secret(RUNTIME)
    const connection = { host, port, database, user: RUNTIME, password, tls: undefined }
    const ledger = await PostgresLedger.open({ connection, signer, clock: systemClock })
    const rows = await receipts(ledger)
    await ledger.close()
    return rows
  } finally {
    await close()
  }
}

async function receipts(ledger: PostgresLedger): Promise<Row[]> {
  const anywhere = (number: number) => (Math.abs(number) * 7_777_777) % ENTRIES
  const one = async (number: number) => {
    const index = anywhere(number)
    const receipt = await ledger.log.receipt(index)
    if (number % 100 === 0) verifyReceipt(receipt ?? '', bodyOf(index), [parseVkey(signer.vkey)])
  }
  const name = 'receipt in a log of 10,000,000'
  const still = await measure(name, { count: 4_000, warmup: 100 }, one)
  const many = await measure(`${name}, 8 concurrent`, { count: 4_000, concurrency: 8 }, one)
  let growing = true
  const growth = (async () => {
    for (let number = 0; growing; number += 1) await ledger.append(allowed(id(number + 1)))
  })()
  const busy = await measure(`${name}, which grows meanwhile`, { count: 4_000 }, one)
  growing = false
  await growth
  return [still, many, busy]
}

function bodyOf(index: number): Buffer {
  return Buffer.from(String(index).padStart(BODY_BYTES, '0'))
}

async function fill(owner: pg.Client): Promise<void> {
  // The bench's own server may lose all this in a crash.
  await owner.query('SET synchronous_commit = off')
  const edge = new Edge()
  const leaf = Buffer.alloc(1 + BODY_BYTES)
  for (let first = 0; first < ENTRIES; first += CHUNK) {
    const count = Math.min(CHUNK, ENTRIES - first)
    const bodies = Buffer.alloc(count * BODY_BYTES)
    const leaves = Buffer.alloc(count * 32)
    const tiles: FullTile[] = []
    for (let at = 0; at < count; at += 1) {
      bodyOf(first + at).copy(leaf, 1)
      leaf.copy(bodies, at * BODY_BYTES, 1)
      leaves.write(hash('sha256', leaf, 'binary'), at * 32, 'binary')
      tiles.push(...edge.append(leaves.subarray(at * 32, (at + 1) * 32)))
    }
    await owner.query(INSERT_ENTRIES, [first, count, leaves, bodies])
    await owner.query(INSERT_TILES, [
      tiles.map(({ level }) => level),
      tiles.map(({ index }) => index),
      Buffer.concat(tiles.map(({ hashes }) => hashes)),
      Buffer.concat(tiles.map(({ root }) => root)),
    ])
  }
  const root = edge.root()
  const text = formatCheckpoint({ origin: signer.name, size: ENTRIES, root })
  const head = 'UPDATE credctl_ledger.head SET size = $1, root = $2, checkpoint = $3'
  await owner.query(head, [ENTRIES, root, signer.sign(text)])
  await owner.query('ANALYZE credctl_ledger.entries, credctl_ledger.tiles')
}

const INSERT_ENTRIES = `
INSERT INTO credctl_ledger.entries (index, leaf, body)
SELECT $1::bigint + at, substr($3::bytea, at * 32 + 1, 32),
       substr($4::bytea, at * ${BODY_BYTES} + 1, ${BODY_BYTES})
  FROM generate_series(0, $2::int - 1) AS at`

const INSERT_TILES = `
INSERT INTO credctl_ledger.tiles (level, index, hashes, root)
SELECT level, index, substr($3::bytea, (at::int - 1) * 8192 + 1, 8192),
       substr($4::bytea, (at::int - 1) * 32 + 1, 32)
  FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS t(level, index, at)`
