import { expect, it } from 'vitest'
import { testPostgres } from '../../support/postgres.ts'
import { createWorld, mintOn, refusalOf } from './database.ts'

const postgres = testPostgres()
const ACCESS = {
  tables: { 'public.orders': ['select', 'update'], 'public.currency_rates': ['select'] },
}

it('gives a login that can do what the scope says and nothing else', async () => {
  const world = await createWorld(postgres)
  await world.delegate(ACCESS)
  const mint = world.mint()
  const { credential, handle, minted } = await mintOn(mint, world.grant(ACCESS))
  expect(credential.user).toMatch(/^cbg_[0-9a-z]{26}_[0-9a-z]{10}$/)
  const client = await world.login(credential)
  expect(
    (await client.query('UPDATE orders SET total = 5 WHERE id = 1 RETURNING id')).rowCount,
  ).toBe(1)
  expect(await refusalOf(client.query('DELETE FROM orders'))).toBe('42501')
  expect(await refusalOf(client.query('SELECT * FROM customers'))).toBe('42501')
  expect(await refusalOf(client.query('DROP TABLE orders'))).toBe('42501')
  expect(await refusalOf(client.query(`SET ROLE ${world.plan(ACCESS).groupRole}`))).toBe('42501')
  expect(minted.facts).toEqual({ group_role: world.plan(ACCESS).groupRole })
  const ended = new Promise((resolve) => client.once('end', resolve))
  expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
  await ended
  expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
  expect(await refusalOf(world.login(credential))).toBe('28P01')
  await mint.close()
})
