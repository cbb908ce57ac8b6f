import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { systemRandom } from '../../src/clock.ts'
import type { Caller } from '../../src/identity/caller.ts'
import { type SessionStore, Sessions } from '../../src/identity/session.ts'
import { PostgresSessionStore } from '../../src/identity/session-postgres.ts'
import { migrate } from '../../src/ledger/postgres/migrate.ts'
import { createSeal } from '../../src/secret/seal.ts'
import { testPostgres } from '../support/postgres.ts'

const postgres = testPostgres()
const sealKey = systemRandom(32)
const now = { ms: Date.parse('2026-11-20T10:00:00Z') }
const clock = { now: () => new Date(now.ms) }
let store: SessionStore
let database: string

const alice: Caller = {
  class: 'human',
  issuer: 'people',
  subject: 'alice',
  claims: { groups: ['sre'], auth_time: 5 },
  roles: ['operator'],
  token: `sha256:${'ab'.repeat(32)}`,
}

beforeAll(async () => {
  database = await postgres.database('sessions')
  const owner = await postgres.client({ database })
  await owner.query(`CREATE ROLE sessions_runtime LOGIN PASSWORD 'sessions_runtime'`)
  await migrate(owner, 'sessions_runtime')
  store = new PostgresSessionStore(await runtime())
})

const runtime = () =>
  postgres.client({ database, user: 'sessions_runtime', password: 'sessions_runtime' })
const replica = (key = sealKey) =>
  new Sessions({ store, seal: createSeal(key, systemRandom), clock, random: systemRandom })
const digest = (id: string) => createHash('sha256').update(id).digest()

describe('a session', () => {
  test('is found by its id on every replica that has the key, and on no other', async () => {
    const { id, session } = await replica().open(alice, 60)
    expect(await replica().find(id)).toEqual(session)
    expect(session).toMatchObject({ issuer: 'people', subject: 'alice', claims: alice.claims })
    expect(await replica(systemRandom(32)).find(id)).toBeUndefined()
  })

  test('ends with its time', async () => {
    const { id } = await replica().open(alice, 60)
    now.ms += 59_999
    expect(await replica().find(id)).toBeDefined()
    now.ms += 1
    expect(await replica().find(id)).toBeUndefined()
  })

  test('ends everywhere when it is closed', async () => {
    const { id } = await replica().open(alice, 60)
    await replica().close(id)
    expect(await replica().find(id)).toBeUndefined()
  })

  test.each([undefined, '', 'x', 'A'.repeat(43), 'A'.repeat(5000), "' OR 1=1 --"])(
    'is not found by %j',
    async (id) => {
      expect(await replica().find(id)).toBeUndefined()
      await replica().close(id)
    },
  )

  test('has an id that the database does not hold', async () => {
    const { id } = await replica().open(alice, 60)
    const owner = postgres.pool(database)
    const { rows } = await owner.query('SELECT key, sealed FROM credctl_identity.session')
    const everything = rows.map(({ key, sealed }) => `${key.toString('latin1')}${sealed}`).join()
    expect(everything).not.toContain(id)
    expect(everything).not.toContain('alice')
    expect(rows.some(({ key }) => key.equals(digest(id)))).toBe(true)
  })

  test('cannot be made by moving the content of another one', async () => {
    const { id } = await replica().open(alice, 60)
    const sealed = await store.find(digest(id))
    const mine = systemRandom(32).toString('base64url')
    await store.open(digest(mine), sealed ?? Buffer.alloc(0), new Date(now.ms + 60_000))
    expect(await replica().find(mine)).toBeUndefined()
  })

  test.each(['SELECT', 'INSERT', 'UPDATE', 'DELETE'])(
    'is nothing the broker’s own role may %s by itself',
    async (right) => {
      const { rows } = await postgres
        .pool(database)
        .query(`SELECT has_table_privilege('sessions_runtime', 'credctl_identity.session', $1)`, [
          right,
        ])
      expect(rows).toEqual([{ has_table_privilege: false }])
    },
  )

  test('takes expired ones with it when it opens', async () => {
    const { id } = await replica().open(alice, 60)
    const owner = postgres.pool(database)
    const past = `UPDATE credctl_identity.session SET until = now() - interval '1 hour'`
    await owner.query(`${past} WHERE key = $1`, [digest(id)])
    await replica().open(alice, 60)
    expect(await store.find(digest(id))).toBeUndefined()
  })
})

test('without the database nobody is signed in', async () => {
  const client = await runtime()
  const broken = new Sessions({
    store: new PostgresSessionStore(client),
    seal: createSeal(sealKey, systemRandom),
    clock,
    random: systemRandom,
  })
  const { id } = await replica().open(alice, 60)
  await client.end()
  await expect(broken.find(id)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(broken.open(alice, 60)).rejects.toMatchObject({ code: 'unavailable' })
})
