import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  bearer,
  exchange,
  form,
  granted,
  SCOPES,
  send,
  TASK,
  tokenOf,
  type World,
  world,
} from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'

const postgres = testPostgres()
let here: World
let scopes: string

beforeAll(async () => {
  scopes = await mkdtemp(join(tmpdir(), 'credctl-scopes-'))
  await cp(SCOPES, scopes, { recursive: true })
  here = await world(postgres, { scopes })
}, 60_000)
beforeEach(async () => {
  await rm(scopes, { recursive: true, force: true })
  await cp(SCOPES, scopes, { recursive: true })
  await here.running.reload()
})
afterAll(async () => {
  await here?.close()
  await rm(scopes, { recursive: true, force: true })
})

const file = (name: string) => join(scopes, name)

async function inForce() {
  const { body } = await send(`${here.url}/v1/scopes`, bearer(await tokenOf(here, 'operator')))
  const names = (body['scopes'] as { name: string }[]).map(({ name }) => name)
  return { digest: body['catalogue'], names }
}

async function loaded(): Promise<unknown[]> {
  const { rows } = await postgres
    .pool(here.ledgerDatabase)
    .query<{ body: Buffer }>('SELECT body FROM credctl_ledger.entries ORDER BY index')
  const bodies = rows.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>)
  return bodies.filter(({ kind }) => kind === 'catalogue.loaded').map(({ catalogue }) => catalogue)
}

describe('a reload', () => {
  test('puts changed files in force, and its digest in the log before', async () => {
    const before = await inForce()
    await rm(file('limited.yaml'))
    await here.running.reload()
    const after = await inForce()
    expect(after.names).toEqual(before.names.filter((name) => name !== 'limited'))
    expect(after.digest).not.toBe(before.digest)
    expect((await loaded()).at(-1)).toBe(after.digest)
  })

  test.each([
    ['one bad file', async () => await writeFile(file('orders.yaml'), 'name: orders\n')],
    [
      'a bad file beside a good change',
      async () => {
        await writeFile(file('others.yaml'), 'name: [')
        const text = await readFile(file('orders.yaml'), 'utf8')
        await writeFile(file('orders.yaml'), text.replace('[select]', '[select, delete]'))
      },
    ],
    [
      'an empty directory',
      async () => {
        for (const name of await readdir(scopes)) await rm(file(name))
      },
    ],
    ['no directory', async () => await rm(scopes, { recursive: true })],
  ])('with %s is refused, and what was in force stays, whole', async (_what, damage) => {
    const before = await inForce()
    const entries = (await loaded()).length
    await damage()
    await expect(here.running.reload()).rejects.toMatchObject({ code: 'scopes_invalid' })
    expect(await inForce()).toEqual(before)
    expect(await loaded()).toHaveLength(entries)
    const { body } = await exchange(here.url, form(await tokenOf(here, 'agent')))
    const [details] = body['authorization_details'] as { blast_radius: { tablesBy: object } }[]
    expect(details?.blast_radius.tablesBy).toMatchObject({ select: 1, delete: 0 })
  })

  test('that cannot be recorded is not in force', async () => {
    const before = await inForce()
    const superuser = postgres.pool()
    await superuser.query(`ALTER DATABASE ${here.ledgerDatabase} WITH ALLOW_CONNECTIONS false`)
    await superuser.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${here.ledgerDatabase}'`,
    )
    await rm(file('limited.yaml'))
    await expect(here.running.reload()).rejects.toMatchObject({ code: 'ledger_unavailable' })
    await superuser.query(`ALTER DATABASE ${here.ledgerDatabase} WITH ALLOW_CONNECTIONS true`)
    expect(await inForce()).toEqual(before)
  })

  test('takes a scope away from who no longer may: the grant is there, its credential is not', async () => {
    const grant = await granted(here)
    const text = await readFile(file('orders.yaml'), 'utf8')
    await writeFile(file('orders.yaml'), text.replaceAll('team: orders', 'team: billing'))
    await here.running.reload()
    const answer = await send(`${here.url}/v1/credentials/orders-db`, bearer(grant.token))
    expect([answer.status, answer.body['code']]).toEqual([403, 'access_denied'])
    expect(answer.text).not.toContain('billing')
  })

  test('that removes a scope gives nothing under its grants, and they can still be ended', async () => {
    const grant = await granted(here, 'agent', { ...TASK, scope: 'limited' })
    await rm(file('limited.yaml'))
    await here.running.reload()
    const answer = await send(`${here.url}/v1/credentials/orders-db`, bearer(grant.token))
    expect([answer.status, answer.body['code']]).toEqual([403, 'access_denied'])
    const url = `${here.url}/v1/grants/${grant.id}`
    expect((await send(url, { method: 'DELETE', ...bearer(grant.token) })).status).toBe(200)
  })

  test('that changes no privilege changes no grant', async () => {
    const grant = await granted(here)
    const text = await readFile(file('orders.yaml'), 'utf8')
    await writeFile(file('orders.yaml'), text.replace('What the tests', 'All that the tests'))
    await here.running.reload()
    expect((await send(`${here.url}/v1/credentials/orders-db`, bearer(grant.token))).status).toBe(
      200,
    )
  })
})

test('a broker without scopes, or with a bad one, does not start', async () => {
  for (const damage of [
    async () => await rm(scopes, { recursive: true, force: true }),
    async () => await writeFile(file('orders.yaml'), 'name: orders\n'),
  ]) {
    await damage()
    await expect(here.replica()).rejects.toMatchObject({ code: 'scopes_invalid' })
    await cp(SCOPES, scopes, { recursive: true })
  }
})
