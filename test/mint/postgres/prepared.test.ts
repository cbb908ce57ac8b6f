import { expect, it } from 'vitest'
import { testPostgres } from '../../support/postgres.ts'
import { createWorld, mintOn } from './database.ts'

const postgres = testPostgres({ fsync: 'off', max_prepared_transactions: '5' })
const ACCESS = { tables: { 'public.orders': ['select', 'update'] } }
const accept = [{ finding: 'prepared_transactions', reason: 'a test of what they can do' }]

it('refuses to mint while transactions can be prepared, unless an operator accepts that', async () => {
  const world = await createWorld(postgres)
  await world.delegate(ACCESS)
  const mint = world.mint()
  await expect(mintOn(mint, world.grant(ACCESS))).rejects.toThrow(/prepared transactions are on/)
  await mint.close()
})

it('rolls back what a login has prepared, with a name that needs quoting, and drops the login', async () => {
  const world = await createWorld(postgres)
  await world.delegate(ACCESS)
  const mint = world.mint({ accept })
  const { credential, handle } = await mintOn(mint, world.grant(ACCESS))
  const client = await world.login(credential)
  await client.query('BEGIN')
  await client.query('UPDATE orders SET total = -1')
  await client.query(`PREPARE TRANSACTION 'it''s \\ mine'`)
  expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
  const { rows } = await world.root.query(`SELECT
    (SELECT count(*)::int FROM pg_prepared_xacts) AS prepared,
    (SELECT count(*)::int FROM pg_roles WHERE rolname LIKE 'cbg\\_%') AS logins,
    (SELECT count(*)::int FROM orders WHERE total = -1) AS changed`)
  expect(rows[0]).toEqual({ prepared: 0, logins: 0, changed: 0 })
  expect((await world.root.query('UPDATE orders SET total = 1')).rowCount).toBe(20)
  await mint.close()
})
