import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { systemRandom } from '../../src/clock.ts'
import { type EmbeddedServer, startEmbedded } from '../../src/embedded/embedded.ts'
import { createLoginSecret } from '../../src/mint/postgres/verifier.ts'
import type { PostgresPlan } from '../../src/plan/postgres/plan.ts'
import { applySql, brokerSetupSql, delegationSql } from '../../src/plan/postgres/setup.ts'

/** The company's database server, with an `orders` database for staging and one for prod. */
export interface Databases {
  readonly host: string
  readonly port: number
  readonly staging: string
  readonly prod: string
  /** The broker's own role: CREATEROLE, owner of nothing, its password in a file. */
  readonly admin: { readonly user: string; readonly passwordFile: string }
  /** A DBA's look, for showing what is there. */
  query(database: string, sql: string): Promise<pg.QueryResult>
  /** What the owner of the tables runs once, so that the broker may pass privileges on. */
  delegate(database: string, plan: PostgresPlan): Promise<void>
  /** What a DBA runs where the broker may only verify: the group role of a plan. */
  apply(database: string, plan: PostgresPlan): Promise<void>
  close(): Promise<void>
}

const STAGING = 'orders_staging'
const PROD = 'orders_prod'
const ADMIN = 'credctl_broker'
const OWNER = 'shop_owner'

/** What databases made by older versions leave open, and what PUBLIC has no business with. */
const CLOSE_DATABASES = [STAGING, PROD, 'postgres', 'template1'].map(
  (name) => `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
)

export async function startDatabases(directory: string): Promise<Databases> {
  const server = await startEmbedded({ directory: join(directory, 'databases') })
  const query = (database: string, sql: string) => asSuperuser(server, database, sql)
  try {
    const passwordFile = join(directory, 'broker-admin.password')
    await createDatabases(query, passwordFile)
    const asOwner = async (database: string, statements: readonly string[]) => {
      await query(database, `SET ROLE ${OWNER}; ${statements.join('; ')}`)
    }
    return {
      host: server.host,
      port: server.port,
      staging: STAGING,
      prod: PROD,
      admin: { user: ADMIN, passwordFile },
      query,
      delegate: (database, plan) => asOwner(database, delegationSql(ADMIN, plan)),
      apply: async (database, plan) => {
        await query(database, applySql(ADMIN, plan).join('; '))
      },
      close: () => server.stop(),
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

type Query = Databases['query']

async function createDatabases(query: Query, passwordFile: string): Promise<void> {
  await query('postgres', `CREATE ROLE ${OWNER} NOLOGIN`)
  for (const name of [STAGING, PROD]) await query('postgres', `CREATE DATABASE ${name}`)
  for (const statement of CLOSE_DATABASES) await query('postgres', statement)

  const secret = await createLoginSecret(systemRandom)
  await writeFile(passwordFile, secret.password.reveal(), { mode: 0o600 })
  const setup = { admin: ADMIN, databases: [STAGING, PROD], verifier: secret.verifier }
  for (const statement of brokerSetupSql(setup)) await query('postgres', statement)

  const tables = await readFile(new URL('tables.sql', import.meta.url), 'utf8')
  for (const name of [STAGING, PROD]) {
    await query(name, `GRANT ALL ON SCHEMA public TO ${OWNER}; SET ROLE ${OWNER}; ${tables}`)
  }
}

async function asSuperuser(server: EmbeddedServer, database: string, sql: string) {
  const { user, password } = server.superuser
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user,
    password: password.reveal(),
    database,
  })
  await client.connect()
  try {
    const results: pg.QueryResult | pg.QueryResult[] = await client.query(sql)
    return Array.isArray(results) ? (results.at(-1) ?? NOTHING) : results
  } finally {
    await client.end()
  }
}

const NOTHING: pg.QueryResult = { rows: [], rowCount: 0, command: '', oid: 0, fields: [] }
