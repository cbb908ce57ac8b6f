import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testPostgres } from '../support/postgres.ts'
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
} from './world.ts'

const postgres = testPostgres()
let here: World
let scopes: string

beforeAll(async () => {
  scopes = await mkdtemp(join(tmpdir(), 'credctl-scopes-'))
  await cp(SCOPES, scopes, { recursive: true })
  here = await world(postgres, { scopes })
}, 60_000)
afterAll(async () => {
  await here?.close()
  await rm(scopes, { recursive: true, force: true })
})

const LIMITED = { ...TASK, scope: 'limited' }

async function count(what: string): Promise<number> {
  const { rows } = await postgres
    .pool(here.ledgerDatabase)
    .query(`SELECT count(*)::int AS n FROM credctl_ledger.${what}`)
  return rows[0]?.n
}

const times = <T>(n: number, run: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: n }, (_, index) => run(index)))

describe('many at once', () => {
  test('a limit of three live grants gives three to fifty callers, and records fifty answers', async () => {
    const before = await count('entries')
    const tokens = await times(50, (n) => tokenOf(here, 'agent', { sub: `one-of-50-${n}` }))
    const answers = await Promise.all(
      tokens.map((token) => exchange(here.url, form(token, LIMITED))),
    )
    const outcomes = answers.map(({ status, body }) => {
      const reasons = body['reasons'] as { code: string }[] | undefined
      return status === 200 ? 'granted' : `${status} ${reasons?.map(({ code }) => code).join()}`
    })
    expect(Object.groupBy(outcomes, (each) => each)['granted']).toHaveLength(3)
    expect([...new Set(outcomes)].sort()).toEqual(['400 too_many_live_grants', 'granted'])
    expect(await count('entries')).toBe(before + 50)
  })

  test('a place is free again when its grant has ended, for one', async () => {
    const operator = bearer(await tokenOf(here, 'operator'))
    const { body } = await send(`${here.url}/v1/grants?live=true&scope=limited`, operator)
    const [first] = body['grants'] as { id: string }[]
    await send(`${here.url}/v1/grants/${first?.id}`, { method: 'DELETE', ...operator })
    const tokens = await times(8, (n) => tokenOf(here, 'agent', { sub: `one-of-8-${n}` }))
    const answers = await Promise.all(
      tokens.map((token) => exchange(here.url, form(token, LIMITED))),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('a limit holds across replicas', async () => {
    const operator = bearer(await tokenOf(here, 'operator'))
    const { body } = await send(`${here.url}/v1/grants?live=true&scope=limited`, operator)
    for (const { id } of body['grants'] as { id: string }[]) {
      await send(`${here.url}/v1/grants/${id}`, { method: 'DELETE', ...operator })
    }
    const replica = await here.replica()
    const urls = [here.url, `http://${replica.host}:${replica.port}`]
    const tokens = await times(20, (n) => tokenOf(here, 'agent', { sub: `one-of-20-${n}` }))
    const answers = await Promise.all(
      tokens.map((token, n) => exchange(urls[n % 2] ?? '', form(token, LIMITED))),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
    await replica.close()
  })

  test('twenty fetches of one credential get the same one, minted once', async () => {
    const grant = await granted(here)
    const url = `${here.url}/v1/credentials/orders-db`
    const answers = await times(20, () => send(url, bearer(grant.token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(new Set(answers.map(({ body }) => body['password'])).size).toBe(1)
    expect(await count(`credentials WHERE grant_id = '${grant.id}'`)).toBe(1)
  })

  test('a grant that ends while it is fetched leaves no login behind', async () => {
    for (let round = 0; round < 5; round += 1) {
      const grant = await granted(here)
      const fetched = times(4, () =>
        send(`${here.url}/v1/credentials/orders-db`, bearer(grant.token)),
      )
      const ended = send(`${here.url}/v1/grants/${grant.id}`, {
        method: 'DELETE',
        ...bearer(grant.token),
      })
      const [answers, end] = await Promise.all([fetched, ended])
      expect(end.status).toBe(200)
      for (const { status } of answers) expect([200, 410]).toContain(status)
      await expect
        .poll(
          async () => {
            const login = `cbg\\_${grant.id.toLowerCase()}\\_%`
            const { rows } = await postgres
              .pool()
              .query(`SELECT rolname FROM pg_roles WHERE rolname LIKE '${login}'`)
            return rows
          },
          { timeout: 5000 },
        )
        .toEqual([])
      const after = await send(`${here.url}/v1/credentials/orders-db`, bearer(grant.token))
      expect([after.status, after.body['code']]).toEqual([410, 'grant_ended'])
    }
  })
})

describe('a caller that is refused', () => {
  test('again and again is slowed down, without more entries, and nobody else with it', async () => {
    const token = await tokenOf(here, 'stranger', { sub: 'insistent' })
    await times(60, () => exchange(here.url, form(token)))
    const before = await count('entries')
    const answers = await times(20, () => exchange(here.url, form(token)))
    expect(answers.map(({ status, body }) => `${status} ${body['code']}`)).toEqual(
      Array(20).fill('429 rate_limited'),
    )
    expect(Number(answers[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await count('entries')).toBe(before)
    expect((await exchange(here.url, form(await tokenOf(here, 'agent')))).status).toBe(200)
  })

  test('a dry run is slowed down apart from requests that are meant', async () => {
    const token = await tokenOf(here, 'stranger', { sub: 'curious' })
    const headers = { ...bearer(token).headers, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(TASK) }
    const dryRun = () => send(`${here.url}/v1/plans`, init)
    expect((await dryRun()).status).toBe(200)
    await times(80, dryRun)
    expect((await dryRun()).status).toBe(429)
    expect((await exchange(here.url, form(token))).body['error']).toBe('access_denied')
  })

  test('because its scope changed is slowed down too: each refusal is an entry', async () => {
    const grant = await granted(here)
    const file = join(scopes, 'orders.yaml')
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('[select]', '[select, insert]'))
    await here.running.reload()
    const fetchOnce = () => send(`${here.url}/v1/credentials/orders-db`, bearer(grant.token))
    expect((await fetchOnce()).body['code']).toBe('plan_changed')
    await times(80, fetchOnce)
    const before = await count('entries')
    const { status, body } = await fetchOnce()
    expect([status, body['code']]).toEqual([429, 'rate_limited'])
    expect(await count('entries')).toBe(before)
    await writeFile(file, text)
    await here.running.reload()
  })
})

describe('a target that refuses', () => {
  test('does not let a caller in a loop fill the log: each try is two entries', async () => {
    const task = { ...TASK, scope: 'exports', parameters: { ticket: 'AB-1' } }
    const grant = await granted(here, 'agent', task)
    here.sts.failNext({ code: 'AccessDenied', status: 403, times: 10_000 })
    const fetchOnce = () => send(`${here.url}/v1/credentials/exports`, bearer(grant.token))
    expect((await fetchOnce()).body['code']).toBe('target_refused')
    for (let round = 0; round < 12; round += 1) await fetchOnce()
    const before = await count('entries')
    const refused = await fetchOnce()
    expect([refused.status, refused.body['code']]).toEqual([429, 'rate_limited'])
    expect(await count('entries')).toBe(before)
  })
})

describe('a stranger', () => {
  test('whose tokens are no good is slowed down at every door, and is no entry', async () => {
    const before = await count('entries')
    const bad = `${(await tokenOf(here, 'agent')).slice(0, -8)}AAAAAAAA`
    for (let round = 0; round < 6; round += 1) {
      await times(50, () => send(`${here.url}/v1/grants`, bearer(bad)))
    }
    const doors = [
      send(`${here.url}/v1/grants`, bearer(bad)),
      send(`${here.url}/v1/credentials/orders-db`, bearer('e30.e30.e30')),
      exchange(here.url, form(bad)),
    ]
    for (const { status } of await Promise.all(doors)) expect(status).toBe(429)
    expect(await count('entries')).toBe(before)
    // Behind a proxy the stranger has everybody's address.
    expect((await exchange(here.url, form(await tokenOf(here, 'agent')))).status).toBe(200)
  })
})
