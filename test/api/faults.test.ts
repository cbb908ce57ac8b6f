import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testPostgres } from '../support/postgres.ts'
import { bearer, exchange, form, granted, send, TASK, tokenOf, type World, world } from './world.ts'

const postgres = testPostgres()
let here: World

beforeAll(async () => {
  here = await world(postgres)
}, 60_000)
afterAll(() => here?.close())

/** Takes one database away from under the broker and gives it back. */
async function without<T>(database: string, run: () => Promise<T>): Promise<T> {
  const superuser = postgres.pool()
  await superuser.query(`ALTER DATABASE ${database} WITH ALLOW_CONNECTIONS false`)
  await superuser.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
  )
  try {
    return await run()
  } finally {
    await superuser.query(`ALTER DATABASE ${database} WITH ALLOW_CONNECTIONS true`)
  }
}

async function logins(grant: string): Promise<unknown[]> {
  const pattern = `cbg\\_${grant.toLowerCase()}\\_%`
  const { rows } = await postgres
    .pool()
    .query(`SELECT rolname FROM pg_roles WHERE rolname LIKE '${pattern}'`)
  return rows
}

const fetchOrders = (token: string) => send(`${here.url}/v1/credentials/orders-db`, bearer(token))

describe('while the ledger is down', () => {
  test('nothing is granted, nothing is minted, nothing is ended, and nobody is told why', async () => {
    const live = await granted(here)
    await without(here.ledgerDatabase, async () => {
      const asked = await exchange(here.url, form(await tokenOf(here, 'agent')))
      expect(asked.status).toBe(503)
      expect(asked.body['error']).toBe('temporarily_unavailable')
      expect(asked.body).not.toHaveProperty('error_description')
      expect(Number(asked.headers.get('retry-after'))).toBeGreaterThan(0)

      const fetched = await fetchOrders(live.token)
      expect([fetched.status, fetched.body['code']]).toEqual([503, 'ledger_unavailable'])
      expect(fetched.body).not.toHaveProperty('detail')
      expect(await logins(live.id)).toEqual([])

      const ended = await send(`${here.url}/v1/grants/${live.id}`, {
        method: 'DELETE',
        ...bearer(live.token),
      })
      expect(ended.status).toBe(503)
      expect((await send(`${here.url}/readyz`)).status).toBe(503)
      expect((await send(`${here.url}/healthz`)).status).toBe(200)
    })
    await expect.poll(async () => (await send(`${here.url}/readyz`)).status).toBe(200)
    expect((await fetchOrders(live.token)).status).toBe(200)
    expect(await logins(live.id)).toHaveLength(1)
  })

  test('a cached credential is not handed out either: its grant may have ended', async () => {
    const live = await granted(here)
    expect((await fetchOrders(live.token)).status).toBe(200)
    await without(here.ledgerDatabase, async () => {
      expect((await fetchOrders(live.token)).status).toBe(503)
    })
  })

  test('what discovery needs is still there', async () => {
    await without(here.ledgerDatabase, async () => {
      expect((await send(`${here.url}/.well-known/jwks.json`)).status).toBe(200)
      expect((await send(`${here.url}/metrics`)).status).toBe(200)
    })
    await expect.poll(async () => (await send(`${here.url}/readyz`)).status).toBe(200)
  })
})

describe('while a target is down', () => {
  test('a grant is given, its credential is not, that is recorded, and later it works', async () => {
    const { staging } = here.shop
    const grant = await without(staging, async () => {
      const asked = await granted(here)
      const failed = await fetchOrders(asked.token)
      expect([failed.status, failed.body['code']]).toEqual([503, 'target_unavailable'])
      expect(failed.body).not.toHaveProperty('detail')
      expect(failed.body['Code']).toBe('target_unavailable')
      expect(Number(failed.headers.get('retry-after'))).toBeGreaterThan(0)
      return asked
    })
    expect((await fetchOrders(grant.token)).status).toBe(200)
    await expect
      .poll(async () => {
        const { body } = await send(`${here.url}/v1/grants/${grant.id}`, bearer(grant.token))
        return (body['credentials'] as { status: string }[]).map(({ status }) => status).sort()
      })
      .toEqual(['failed', 'minted'])
    expect(await logins(grant.id)).toHaveLength(1)
  })

  test('ending a grant says what is pending, and it is finished when the target is back', async () => {
    const grant = await granted(here)
    expect((await fetchOrders(grant.token)).status).toBe(200)
    await without(here.shop.staging, async () => {
      const { status, body } = await send(`${here.url}/v1/grants/${grant.id}`, {
        method: 'DELETE',
        ...bearer(grant.token),
      })
      expect(status).toBe(200)
      expect(body['revocations']).toEqual([
        { target: 'orders-db', outcome: 'pending', code: 'target_unavailable' },
      ])
    })
    await expect.poll(() => logins(grant.id), { timeout: 15_000 }).toEqual([])
    await expect
      .poll(
        async () => {
          const { body } = await send(
            `${here.url}/v1/grants/${grant.id}`,
            bearer(await tokenOf(here, 'agent')),
          )
          return (body['credentials'] as { status: string }[]).map(({ status }) => status)
        },
        { timeout: 15_000 },
      )
      .toEqual(['revoked'])
  }, 40_000)

  test('that is AWS, the vendor’s words stay in the log', async () => {
    const task = { ...TASK, scope: 'exports', parameters: { ticket: 'AB-1' } }
    const grant = await granted(here, 'agent', task)
    here.sts.failNext({
      code: 'AccessDenied',
      message: 'User: arn:aws:iam::1:user/secret-name',
      status: 403,
      times: 9,
    })
    const { status, text } = await send(`${here.url}/v1/credentials/exports`, bearer(grant.token))
    expect(status).toBeGreaterThanOrEqual(500)
    expect(text).not.toContain('secret-name')
    here.sts.failNext({ code: 'x', times: 0 })
  })
})

describe('an expired grant', () => {
  test('gives nothing, under its token or to its caller, and is ended on the record', async () => {
    const other = await world(postgres)
    try {
      const grant = await granted(other)
      const get = () => send(`${other.url}/v1/credentials/orders-db`, bearer(grant.token))
      expect((await get()).status).toBe(200)
      other.clock.move(15 * 60 * 1000 + 6000)
      const { status, body } = await get()
      expect([status, body['code']]).toEqual([401, 'token_expired'])
      const agent = bearer(await tokenOf(other, 'agent'))
      await expect
        .poll(async () => {
          const shown = await send(`${other.url}/v1/grants/${grant.id}`, agent)
          return [shown.body['status'], shown.body['ended']]
        })
        .toEqual(['ended', expect.objectContaining({ cause: 'expired' })])
      await expect
        .poll(async () => {
          const like = `cbg\\_${grant.id.toLowerCase()}\\_%`
          return (
            await postgres.pool().query(`SELECT 1 FROM pg_roles WHERE rolname LIKE '${like}'`)
          ).rows
        })
        .toEqual([])
    } finally {
      await other.close()
    }
  })
})

describe('a broker whose clock is wrong', () => {
  test.each([
    ['ten minutes ahead', 10 * 60 * 1000],
    ['ten minutes behind', -10 * 60 * 1000],
  ])('%s mints no login that would outlive its grant', async (_what, by) => {
    const seconds = Math.floor((Date.now() + by) / 1000)
    const token = await tokenOf(here, 'agent', { iat: seconds - 5, nbf: 0, exp: seconds + 600 })
    const { host, port, close } = await here.replica({
      clock: { now: () => new Date(Date.now() + by) },
    })
    try {
      const url = `http://${host}:${port}`
      const { body, status } = await exchange(url, form(token))
      expect(status).toBe(200)
      const [details] = body['authorization_details'] as { grant: string }[]
      const answer = await send(
        `${url}/v1/credentials/orders-db`,
        bearer(String(body['access_token'])),
      )
      expect(answer.status).toBeGreaterThanOrEqual(500)
      expect(await logins(details?.grant ?? '')).toEqual([])
    } finally {
      await close()
    }
  })
})
