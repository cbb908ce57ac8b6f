import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type StandingGrant, StandingGrants } from '../../src/api/standing-grants.ts'
import type { Caller } from '../../src/identity/caller.ts'
import { testPostgres } from '../support/postgres.ts'
import { bearer, send, tokenOf, type World, world } from './world.ts'

const postgres = testPostgres()
let here: World
const PATH = '/compat/aws/reports/staging/exports'

beforeAll(async () => {
  here = await world(postgres)
}, 60_000)
afterAll(() => here?.close())

const verbatim = (token: string) => ({ headers: { authorization: token } })
const fetchAs = async (token: string, path = PATH) => await send(here.url + path, verbatim(token))

async function grants(): Promise<number> {
  const { rows } = await postgres
    .pool(here.ledgerDatabase)
    .query('SELECT count(*)::int AS count FROM credctl_ledger.grants')
  return rows[0].count
}

describe('a workload with an identity token and no code of ours', () => {
  test('gets what AWS SDKs read, with its token sent word for word or as a bearer', async () => {
    const token = await tokenOf(here, 'workload')
    const { status, body } = await fetchAs(token)
    expect([status, Object.keys(body)]).toEqual([
      200,
      ['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration'],
    ])
    expect((await send(here.url + PATH, bearer(token))).body).toEqual(body)
  })

  test('keeps one grant, also when its token is replaced or many ask at once', async () => {
    const who = { sub: 'pod-2' }
    const before = await grants()
    const first = await fetchAs(await tokenOf(here, 'workload', who))
    const many = await Promise.all(
      Array.from({ length: 20 }, async () =>
        fetchAs(await tokenOf(here, 'workload', { ...who, jti: crypto.randomUUID() })),
      ),
    )
    for (const { body } of many) expect(body).toEqual(first.body)
    expect(await grants()).toBe(before + 1)
  })

  test('shares no grant with another subject, or with other claims', async () => {
    const answers = await Promise.all(
      [{ sub: 'pod-3' }, { sub: 'pod-4' }, { sub: 'pod-4', pod: 'b' }].map(async (who) =>
        fetchAs(await tokenOf(here, 'workload', who)),
      ),
    )
    expect(new Set(answers.map(({ body }) => body['AccessKeyId'])).size).toBe(3)
  })

  test('does not come back by itself when an operator ended its grant', async () => {
    const token = await tokenOf(here, 'workload', { sub: 'pod-5' })
    expect((await fetchAs(token)).status).toBe(200)
    const operator = bearer(await tokenOf(here, 'operator'))
    const listed = await send(`${here.url}/v1/grants?live=true&scope=reports`, operator)
    const [newest] = listed.body['grants'] as { id: string }[]
    const ended = await send(`${here.url}/v1/grants/${newest?.id}`, {
      method: 'DELETE',
      ...operator,
    })
    expect(ended.status).toBe(200)
    const after = await fetchAs(token)
    expect([after.status, after.body['code']]).toEqual([410, 'grant_ended'])
  })

  test('is refused with the reason, on the record, where its scope does not fit', async () => {
    const token = await tokenOf(here, 'workload', { sub: 'pod-6' })
    const { status, body } = await fetchAs(token, '/compat/aws/reports/prod/exports')
    expect([status, body['code']]).toEqual([403, 'access_denied'])
    expect(body['detail']).toContain('does not list environment')
  })

  test.each([
    ['a database', '/compat/aws/reports/staging/orders-db'],
    ['a target that is none', '/compat/aws/reports/staging/constructor'],
  ])('asks in vain for %s, and leaves no grant behind', async (_what, path) => {
    const before = await grants()
    const { status, body } = await fetchAs(await tokenOf(here, 'workload', { sub: 'pod-7' }), path)
    expect([status, body['code']]).toEqual([404, 'target_unknown'])
    expect(await grants()).toBe(before)
  })

  test('learns nothing of scopes that are not for it', async () => {
    const token = await tokenOf(here, 'workload', { sub: 'pod-8', team: 'nobody' })
    const words = async (scope: string) => {
      const { status, body } = await fetchAs(token, `/compat/aws/${scope}/staging/exports`)
      return [status, String(body['detail']).replace(scope, 'SCOPE')]
    }
    expect(await words('reports')).toEqual(await words('nothing'))
  })
})

test('only here is a token without its scheme accepted', async () => {
  const token = await tokenOf(here, 'workload')
  const { status } = await send(`${here.url}/v1/scopes`, verbatim(token))
  expect(status).toBe(401)
})

describe('the grants behind it', () => {
  const caller: Caller = {
    class: 'workload',
    issuer: 'cluster',
    subject: 'system:serviceaccount:shop:reports',
    claims: { 'kubernetes.io/pod/uid': 'a', jti: '1', exp: 1 },
    roles: [],
    token: 'sha256:x',
  }
  const task = { scope: 'reports', environment: 'staging' }
  const MINUTE = 60_000

  function standing(minutes = 15) {
    const clock = { time: 0, now: () => new Date(clock.time) }
    let starts = 0
    const start = async (): Promise<StandingGrant> => {
      starts += 1
      const issuedAt = clock.now()
      const expiresAt = new Date(clock.time + minutes * MINUTE)
      return { id: `grant-${starts}`, plan: 'sha256:y', issuedAt, expiresAt }
    }
    const grants = new StandingGrants(clock)
    const get = async (who = caller) => (await grants.get(who, task, start)).id
    return { clock, get, grants }
  }

  test('are renewed five minutes ahead of their expiry', async () => {
    const { clock, get } = standing()
    expect(await get()).toBe('grant-1')
    clock.time = 10 * MINUTE - 1
    expect(await get()).toBe('grant-1')
    clock.time = 10 * MINUTE
    expect(await get()).toBe('grant-2')
  })

  test('live for most of their time when it is short', async () => {
    const { clock, get } = standing(3)
    await get()
    clock.time = 2 * MINUTE - 1
    expect(await get()).toBe('grant-1')
  })

  test('outlive a token, and end at any claim that lasts', async () => {
    const { get } = standing()
    await get()
    const later = { ...caller.claims, jti: '2', exp: 2, 'kubernetes.io/warnafter': 9 }
    expect(await get({ ...caller, claims: later })).toBe('grant-1')
    const other = { ...caller.claims, 'kubernetes.io/pod/uid': 'b' }
    expect(await get({ ...caller, claims: other })).toBe('grant-2')
    expect(await get({ ...caller, class: 'ci' })).toBe('grant-3')
  })

  test('that could not be started are tried again', async () => {
    const { get, grants } = standing()
    const failing = grants.get(caller, task, () => Promise.reject(new Error('no database')))
    await expect(failing).rejects.toThrow('no database')
    expect(await get()).toBe('grant-1')
  })
})
