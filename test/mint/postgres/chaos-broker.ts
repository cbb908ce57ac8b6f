import { appendFileSync } from 'node:fs'
import pg from 'pg'
import { systemClock, systemRandom, ulid } from '../../../src/clock.ts'
import type { Environment } from '../../../src/environment/environment.ts'
import { type PostgresMint, postgresMint } from '../../../src/mint/postgres/mint.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { allow } from './database.ts'

/** What the parent process gives: on stdin, because it holds a password. */
export interface ChaosOrders {
  readonly environment: Environment
  readonly password: string
  readonly access: unknown
  /** Stands in for the ledger: a line is in the file before the login it names is made. */
  readonly ledger: string
  readonly count: number
  readonly concurrency: number
}

const chunks: Buffer[] = []
for await (const chunk of process.stdin) chunks.push(chunk)
const orders = JSON.parse(Buffer.concat(chunks).toString()) as ChaosOrders
const { environment, password } = orders
const target = environment.targets['db']
if (target?.kind !== 'postgres') throw new Error('not a PostgreSQL target')
const mint = postgresMint(target, { resolve: async () => new Secret(password) })

let left = orders.count
const loop = async () => {
  while (left-- > 0) await one(mint)
}
await Promise.all(Array.from({ length: orders.concurrency }, loop))
await mint.close()

/** Mints, uses the login with an open transaction, revokes. */
async function one(on: PostgresMint): Promise<void> {
  const grant = allow(environment, orders.access, '5m')
  const handle = on.handle(grant, 'db', ulid(systemClock, systemRandom))
  if (handle.kind !== 'postgres') return
  appendFileSync(orders.ledger, `requested ${handle.login}\n`)
  const minted = await on.mint(grant, 'db', handle)
  const credential = minted.credential.reveal()
  const client = new pg.Client('uri' in credential ? credential.uri : '')
  client.on('error', () => undefined)
  await client.connect()
  await client.query('BEGIN; SELECT count(*) FROM orders')
  await on.revoke(handle)
  appendFileSync(orders.ledger, `gone ${handle.login}\n`)
}
