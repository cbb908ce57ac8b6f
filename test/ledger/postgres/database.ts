import pg from 'pg'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../../src/clock.ts'
import { createSigner, type Signer } from '../../../src/ledger/note.ts'
import type { LedgerConnection } from '../../../src/ledger/postgres/connection.ts'
import { PostgresLedger, type PostgresLedgerOptions } from '../../../src/ledger/postgres/ledger.ts'
import { migrate } from '../../../src/ledger/postgres/migrate.ts'
import { Secret } from '../../../src/secret/secret.ts'
import type { TestPostgres } from '../../support/postgres.ts'
import { T0 } from '../entries.ts'
import { seededKey } from '../seeded-key.ts'

export const RUNTIME = 'credctl_broker'
export const OWNER = 'credctl_owner'
export const signer: Signer = createSigner('broker.example/log', seededKey(1))
export const clock: Clock = { now: () => new Date(T0 + 10_000) }

/** A database that only its owner may migrate and the broker's role may connect to. */
export async function emptyDatabase(postgres: TestPostgres): Promise<string> {
  const name = await postgres.database('ledger')
  const admin = postgres.pool()
  for (const role of [OWNER, RUNTIME]) {
    const { rowCount } = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
    if (rowCount === 0) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${role}'`)
  }
  await admin.query(`ALTER DATABASE ${name} OWNER TO ${OWNER}`)
  return name
}

export async function migratedDatabase(postgres: TestPostgres): Promise<string> {
  const database = await emptyDatabase(postgres)
  const owner = await connectAs(postgres, database, OWNER)
  await migrate(owner, RUNTIME)
  await owner.end()
  return database
}

export async function connectAs(
  { host, port }: TestPostgres,
  database: string,
  user: string,
): Promise<pg.Client> {
  const client = new pg.Client({ host, port, database, user, password: user })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

export function connectionTo(
  { host, port }: TestPostgres,
  database: string,
  user = RUNTIME,
): LedgerConnection {
  const password = async () => new Secret(user)
  return { host, port, database, user, password, tls: undefined }
}

/** A ledger of the test's own database, closed after the test. */
export async function openLedger(
  postgres: TestPostgres,
  database: string,
  options: Partial<PostgresLedgerOptions> = {},
): Promise<PostgresLedger> {
  const connection = connectionTo(postgres, database)
  const ledger = await PostgresLedger.open({ connection, signer, clock, ...options })
  try {
    onTestFinished(() => ledger.close())
  } catch {
    // Opened outside a test: whoever did closes it.
  }
  return ledger
}
