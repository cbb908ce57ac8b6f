import { beforeAll, expect, test } from 'vitest'
import {
  PostgresReplayStore,
  SINGLE_USE_MIGRATION,
  singleUsePrivileges,
} from '../../src/identity/replay-postgres.ts'
import { testPostgres } from '../support/postgres.ts'
import { refusal } from './support.ts'

const postgres = testPostgres()
let database: string

beforeAll(async () => {
  database = await postgres.database('replay')
  const owner = postgres.pool(database)
  await owner.query(`CREATE ROLE broker LOGIN PASSWORD 'broker'`)
  await owner.query(SINGLE_USE_MIGRATION)
  await owner.query(singleUsePrivileges('broker'))
})

const replica = async () => {
  const client = await postgres.client({ database, user: 'broker', password: 'broker' })
  return new PostgresReplayStore(client)
}

const soon = () => new Date(Date.now() + 60_000)

test('an id is used once, however many replicas race for it', async () => {
  const replicas = await Promise.all(Array.from({ length: 20 }, replica))
  const use = { owner: 'issuer:github', id: 'race', until: soon() }
  const first = await Promise.all(replicas.map((store) => store.firstUse(use)))
  expect(first.filter(Boolean)).toHaveLength(1)
})

test('ids of different owners are different ids', async () => {
  const store = await replica()
  expect(await store.firstUse({ owner: 'issuer:a', id: 'x', until: soon() })).toBe(true)
  expect(await store.firstUse({ owner: 'issuer:b', id: 'x', until: soon() })).toBe(true)
  expect(await store.firstUse({ owner: 'issuer:a', id: 'x', until: soon() })).toBe(false)
})

test('what expired long ago is cleared away by later uses', async () => {
  const store = await replica()
  const long = new Date(Date.now() - 3_600_000)
  for (let index = 0; index < 40; index += 1) {
    await store.firstUse({ owner: 'old', id: String(index), until: long })
  }
  await store.firstUse({ owner: 'new', id: 'x', until: soon() })
  const { rows } = await postgres
    .pool(database)
    .query('SELECT count(*)::int AS old FROM credctl_identity.single_use WHERE until < now()')
  expect(rows[0].old).toBeLessThan(20)
})

test("the broker's role can neither read nor clear the table", async () => {
  const client = await postgres.client({ database, user: 'broker', password: 'broker' })
  for (const statement of ['SELECT FROM', 'DELETE FROM', 'TRUNCATE']) {
    await expect(client.query(`${statement} credctl_identity.single_use`)).rejects.toThrow(
      'permission denied',
    )
  }
})

test('a database that does not answer refuses instead of accepting', async () => {
  const client = await postgres.client({ database, user: 'broker', password: 'broker' })
  const store = new PostgresReplayStore(client)
  await client.end()
  const attempt = store.firstUse({ owner: 'a', id: 'y', until: soon() })
  expect(await refusal(attempt)).toBe('unavailable')
})
