import { join } from 'node:path'
import pg from 'pg'
import { type EmbeddedServer, startEmbedded } from '../../src/embedded/embedded.ts'
import { openShop, type Shop } from './shop.ts'

/** The company's database server, with an `orders` database for staging and one for prod. */
export interface Databases {
  readonly shop: Shop
  /** A DBA's look, for showing what is there. */
  query(database: string, sql: string): Promise<pg.QueryResult>
  close(): Promise<void>
}

const NAMES = {
  staging: 'orders_staging',
  prod: 'orders_prod',
  admin: 'credctl_broker',
  owner: 'shop_owner',
}

export async function startDatabases(directory: string): Promise<Databases> {
  const server = await startEmbedded({ directory: join(directory, 'databases') })
  const query = (database: string, sql: string) => asSuperuser(server, database, sql)
  try {
    for (const name of [NAMES.staging, NAMES.prod]) {
      await query('postgres', `CREATE DATABASE ${name}`)
    }
    for (const name of ['postgres', 'template1']) {
      await query('postgres', `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`)
    }
    const { host, port } = server
    const shop = await openShop({ host, port, query }, NAMES, directory)
    return { shop, query, close: () => server.stop() }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function asSuperuser(server: EmbeddedServer, database: string, sql: string) {
  const { host, port } = server
  const { user, password } = server.superuser
  const client = new pg.Client({ host, port, user, password: password.reveal(), database })
  await client.connect()
  try {
    const results: pg.QueryResult | pg.QueryResult[] = await client.query(sql)
    return Array.isArray(results) ? (results.at(-1) ?? NOTHING) : results
  } finally {
    await client.end()
  }
}

const NOTHING: pg.QueryResult = { rows: [], rowCount: 0, command: '', oid: 0, fields: [] }
