import type pg from 'pg'
import { systemClock } from '../src/clock.ts'
import { createSigner } from '../src/ledger/note.ts'
import { PostgresLedger } from '../src/ledger/postgres/ledger.ts'
import { migrate } from '../src/ledger/postgres/migrate.ts'
import { Secret } from '../src/secret/secret.ts'
import { allowed, id, requested } from '../test/ledger/entries.ts'
import { seededKey } from '../test/ledger/seeded-key.ts'
import { startTestPostgres, type TestPostgres } from '../test/support/postgres.ts'
import { against, measure, type Row } from './row.ts'

const RUNTIME = 'credctl_bench'

/** Appends beside bare single-row commits of one connection. fsync is on for both. */
export async function bench(): Promise<readonly Row[]> {
  const { postgres, close } = await startTestPostgres({})
  try {
    const admin = await postgres.client()
    await admin.query(`CREATE ROLE ${RUNTIME} LOGIN PASSWORD '${RUNTIME}'`)
    const bare = await bareCommits(postgres, admin)
    const rows: Row[] = [bare]
    for (const concurrency of [1, 64, 512]) {
      const ledger = await freshLedger(postgres)
      const row = await appends(ledger, concurrency)
      rows.push(against(row, bare, concurrency === 1 ? 'p50' : 'rate'))
      if (concurrency === 512) rows.push(await receipts(ledger))
      await ledger.close()
    }
    return rows
  } finally {
    await close()
  }
}

/** The least that could make one entry durable: one row, one statement, one commit. */
async function bareCommits(postgres: TestPostgres, admin: pg.Client): Promise<Row> {
  await admin.query('CREATE TABLE bare (index bigint PRIMARY KEY, body bytea NOT NULL)')
  const client = await postgres.client()
  const body = Buffer.from(JSON.stringify(allowed(id(1))))
  const insert = { name: 'bare', text: 'INSERT INTO bare VALUES ($1, $2)' }
  return await measure('bare commit of one row, one connection', { count: 2_000 }, (index) =>
    client.query({ ...insert, values: [index, body] }),
  )
}

async function appends(ledger: PostgresLedger, concurrency: number): Promise<Row> {
  const count = concurrency === 1 ? 2_000 : concurrency * 100
  const options = { count, concurrency, warmup: 200 }
  const name = `ledger append, ${concurrency} concurrent`
  // Half decisions, half credential requests: large and small entries, with state for both.
  return await measure(name, options, (index) =>
    index % 2 === 0
      ? ledger.append(allowed(id(index + 1_000)))
      : ledger.append(requested(id(index + 999), 0, id(index + 1_000))),
  )
}

async function receipts(ledger: PostgresLedger): Promise<Row> {
  return await measure('receipt of one entry, log of 51,400', { count: 1_000 }, (index) =>
    ledger.log.receipt((Math.abs(index) * 7_919) % 51_000),
  )
}

async function freshLedger(postgres: TestPostgres): Promise<PostgresLedger> {
  const database = await postgres.database('bench')
  const owner = await postgres.client({ database })
  await migrate(owner, RUNTIME)
  const { host, port } = postgres
  const password = async () => new Secret(RUNTIME)
  const connection = { host, port, database, user: RUNTIME, password, tls: undefined }
  const signer = createSigner('broker.example/log', seededKey(1))
  return await PostgresLedger.open({ connection, signer, clock: systemClock })
}
