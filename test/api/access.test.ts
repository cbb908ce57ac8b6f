import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ENDPOINTS, type Endpoint } from '../../src/api/operations.ts'
import { testPostgres } from '../support/postgres.ts'
import {
  bearer,
  exchange,
  form,
  type Granted,
  granted,
  send,
  TASK,
  tokenOf,
  type World,
  world,
} from './world.ts'

type Row = { request: string } & Record<string, string | number>

const table: Record<string, Row> = parse(
  readFileSync(join(import.meta.dirname, 'access.yaml'), 'utf8'),
  { merge: true },
)

const postgres = testPostgres()
let here: World
let own: Granted
let other: Granted

beforeAll(async () => {
  here = await world(postgres)
  own = await granted(here, 'agent')
  other = await granted(here, 'other agent')
}, 60_000)
afterAll(() => here?.close())

const UNKNOWN = '01ARYZ6S410000000000000000'

async function headersOf(who: string): Promise<Record<string, string>> {
  if (who === 'none') return {}
  if (who === 'garbage') return bearer('e30.e30.e30').headers
  if (who === 'own grant') return bearer(own.token).headers
  if (who === 'other grant') return bearer(other.token).headers
  if (who !== 'expired') return bearer(await tokenOf(here, who)).headers
  const past = Math.floor(Date.now() / 1000) - 600
  return bearer(await tokenOf(here, 'agent', { iat: past - 60, nbf: past - 60, exp: past })).headers
}

async function ask(request: string, who: string) {
  const [method = 'GET', path = ''] = request.split(' ')
  const url = here.url + path.replace('{own}', own.id).replace('{unknown}', UNKNOWN)
  const headers = await headersOf(who)
  if (method !== 'POST') return await send(url, { method, headers })
  const body = JSON.stringify(TASK)
  return await send(url, {
    method,
    body,
    headers: { ...headers, 'content-type': 'application/json' },
  })
}

describe.each(Object.entries(table))('%s', (_what, { request, ...cells }) => {
  test.each(Object.entries(cells))(`${request} with the token of %s: %s`, async (who, wanted) => {
    const { status, body, headers, text } = await ask(request, who)
    expect([status, body['code']].join(' ').trim()).toBe(String(wanted))
    expect(headers.get('cache-control')).toBe('no-store')
    if (status === 401) expect(headers.get('www-authenticate')).toMatch(/^Bearer/)
    if (status >= 400) expect(headers.get('content-type')).toBe('application/problem+json')
    expect(text).not.toContain('password_hash')
  })
})

test('the table has a row for every endpoint that asks who calls', () => {
  const asked = new Set(
    Object.values(table).map(({ request }) =>
      request
        .replace('/orders-db', '/{target}')
        .replace('/reports/staging/', '/{scope}/{environment}/')
        .replace(/\/(orders|others|nothing)$/, '/{name}')
        .replace(/\{(own|unknown)\}/, '{id}'),
    ),
  )
  const guarded = Object.values<Endpoint>(ENDPOINTS)
    .filter(({ access }) => access !== undefined)
    .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
  expect([...asked].sort()).toEqual(guarded.sort())
})

test('endpoints that ask nobody are these', () => {
  const open = Object.values<Endpoint>(ENDPOINTS).filter(({ access }) => access === undefined)
  expect(open.map(({ path }) => path).sort()).toEqual([
    '/.well-known/jwks.json',
    '/.well-known/oauth-authorization-server',
    '/healthz',
    '/log/checkpoint',
    '/log/tile/{path}',
    '/metrics',
    '/openapi.json',
    '/readyz',
    // Asks for Slack's signature instead: test/slack.
    '/slack/interactions',
    '/token',
  ])
})

describe('what is not one’s own', () => {
  /** Everything of an answer that is not the request's own id or time. */
  const words = ({ status, body, headers }: Awaited<ReturnType<typeof send>>) => {
    const { request: _request, ...rest } = body
    const kept = [...headers].filter(([name]) => name !== 'x-request-id' && name !== 'date')
    return { status, rest, kept }
  }

  test.each([
    ['GET', ''],
    ['GET', '/receipts'],
    ['DELETE', ''],
  ])('is answered like what does not exist: %s %s', async (method, tail) => {
    for (const who of ['other agent', 'stranger', 'ci', 'human', 'other grant']) {
      const foreign = await ask(`${method} /v1/grants/{own}${tail}`, who)
      const unknown = await ask(`${method} /v1/grants/{unknown}${tail}`, who)
      expect(words(foreign)).toEqual(words(unknown))
      expect(foreign.text).not.toContain(own.id)
    }
  })

  test('is answered like what does not exist: a scope', async () => {
    const foreign = await ask('GET /v1/scopes/others', 'agent')
    const unknown = await ask('GET /v1/scopes/nothing', 'agent')
    expect(words(foreign)).toEqual(words(unknown))
  })

  test('is in nobody’s list but an operator’s and an auditor’s', async () => {
    const ids = async (who: string) => {
      const { body } = await ask('GET /v1/grants', who)
      return (body['grants'] as { id: string }[]).map(({ id }) => id)
    }
    expect(await ids('agent')).toEqual([own.id])
    expect(await ids('other agent')).toEqual([other.id])
    for (const who of ['stranger', 'local', 'ci', 'workload', 'human'])
      expect(await ids(who)).toEqual([])
    expect(await ids('operator')).toEqual([other.id, own.id])
    expect(await ids('auditor')).toEqual([other.id, own.id])
  })

  test('is not reached by a subject of the same name at another issuer', async () => {
    const token = await tokenOf(here, 'ci', { sub: 'agent-1' })
    const { status } = await send(`${here.url}/v1/grants/${own.id}`, bearer(token))
    expect(status).toBe(404)
  })

  test('names only scopes that name the caller', async () => {
    const names = async (who: string) => {
      const { body } = await ask('GET /v1/scopes', who)
      return (body['scopes'] as { name: string }[]).map(({ name }) => name)
    }
    expect(await names('agent')).toEqual(['exports', 'limited', 'orders'])
    expect(await names('stranger')).toEqual([])
    expect(await names('ci')).toEqual(['orders'])
    expect(await names('operator')).toEqual(['exports', 'limited', 'orders', 'others', 'reports'])
  })

  test('shows no plan to whom the scope does not name', async () => {
    const { body } = await ask('POST /v1/plans', 'stranger')
    expect(body).toEqual({
      decision: 'deny',
      reasons: [
        { code: 'scope_unknown', message: expect.stringContaining('is available to this caller') },
      ],
    })
  })
})

describe('a plan for a less trusted class', () => {
  async function planned(who: string, task: object) {
    const headers = {
      ...bearer(await tokenOf(here, who)).headers,
      'content-type': 'application/json',
    }
    const body = JSON.stringify({ ...TASK, ...task })
    return await send(`${here.url}/v1/plans`, { method: 'POST', headers, body })
  }

  test('is what that class would get', async () => {
    const prod = { environment: 'prod' }
    expect((await planned('ci', prod)).body).toMatchObject({ decision: 'allow' })
    const asAgent = await planned('ci', { ...prod, caller_class: 'agent' })
    expect(asAgent.body).toMatchObject({ decision: 'deny' })
    expect(asAgent.body).not.toHaveProperty('plan')
  })

  test.each([
    ['agent', 'ci', 403, 'caller_not_permitted'],
    ['local', 'human', 403, 'caller_not_permitted'],
    ['ci', 'root', 400, 'request_invalid'],
  ])('is never one for a more trusted: %s as %s', async (who, wanted, status, code) => {
    const answer = await planned(who, { environment: 'prod', caller_class: wanted })
    expect([answer.status, answer.body['code']]).toEqual([status, code])
  })
})

describe('one subject in two classes', () => {
  const seen = async (who: string, id: string) => {
    const headers = bearer(await tokenOf(here, who, { sub: 'both' }))
    const { status } = await send(`${here.url}/v1/grants/${id}`, headers)
    const { body } = await send(`${here.url}/v1/grants`, headers)
    return [status, (body['grants'] as { id: string }[]).some((grant) => grant.id === id)]
  }
  const grantOf = async (who: string) => {
    const { body } = await exchange(here.url, form(await tokenOf(here, who, { sub: 'both' })))
    return (body['authorization_details'] as { grant: string }[])[0]?.grant ?? ''
  }

  test('sees as an agent nothing of what it holds as a person on a laptop, and cannot end it', async () => {
    const id = await grantOf('local')
    expect(await seen('agent', id)).toEqual([404, false])
    const agent = bearer(await tokenOf(here, 'agent', { sub: 'both' }))
    const url = `${here.url}/v1/grants/${id}`
    expect((await send(url, { method: 'DELETE', ...agent })).status).toBe(404)
    expect(await seen('local', id)).toEqual([200, true])
  })

  test('sees as a person what it holds as an agent, and can end it', async () => {
    const id = await grantOf('agent')
    expect(await seen('local', id)).toEqual([200, true])
    const local = bearer(await tokenOf(here, 'local', { sub: 'both' }))
    const url = `${here.url}/v1/grants/${id}`
    expect((await send(url, { method: 'DELETE', ...local })).status).toBe(200)
  })
})

describe('a role', () => {
  test('lets an operator end what is not their own, and an auditor not', async () => {
    const theirs = await granted(here, 'agent')
    const auditor = bearer(await tokenOf(here, 'auditor')).headers
    const operator = bearer(await tokenOf(here, 'operator')).headers
    const url = `${here.url}/v1/grants/${theirs.id}`
    expect((await send(url, { method: 'DELETE', headers: auditor })).status).toBe(404)
    expect((await send(url, { method: 'DELETE', headers: operator })).status).toBe(200)
    const { body } = await send(url, { headers: operator })
    expect(body).toMatchObject({ status: 'ended', ended: { cause: 'operator' } })
  })

  describe('with a step-up', () => {
    const now = () => Math.floor(Date.now() / 1000)
    const officer = async (login: object) =>
      bearer(await tokenOf(here, 'officer', { sub: 'officer', ...login })).headers

    test.each([
      ['an old login', () => ({ auth_time: now() - 700, acr: 'phr' })],
      ['a login of no known time', () => ({ acr: 'phr' })],
      ['a time in words', () => ({ auth_time: String(now()), acr: 'phr' })],
      ['a login of tomorrow', () => ({ auth_time: now() + 86_400, acr: 'phr' })],
      ['a weak login', () => ({ auth_time: now(), acr: 'pwd' })],
      ['a login of no known kind', () => ({ auth_time: now() })],
      ['several kinds at once', () => ({ auth_time: now(), acr: ['phr', 'pwd'] })],
    ])('ends nothing of others after %s, and says what would', async (_what, login) => {
      const { id } = await granted(here, 'agent')
      const headers = await officer(login())
      const url = `${here.url}/v1/grants/${id}`
      expect((await send(url, { headers })).status).toBe(200)
      const refused = await send(url, { method: 'DELETE', headers })
      expect(refused.status).toBe(401)
      expect(refused.body).toMatchObject({
        code: 'authentication_insufficient',
        hint: 'Sign in again: credctl login --max-age 600 --acr phr',
      })
      expect(refused.headers.get('www-authenticate')).toBe(
        'Bearer error="insufficient_user_authentication", acr_values="phr phrh", max_age="600"',
      )
      expect((await send(url, { headers })).body).toMatchObject({ status: 'live' })
    })

    test('ends what is not their own after a new and strong login', async () => {
      const { id } = await granted(here, 'agent')
      const headers = await officer({ auth_time: now() - 500, acr: 'phrh' })
      const url = `${here.url}/v1/grants/${id}`
      expect((await send(url, { method: 'DELETE', headers })).status).toBe(200)
    })

    test('is not asked for what is not there, nor for one’s own', async () => {
      const headers = await officer({ team: 'orders' })
      const none = `${here.url}/v1/grants/${UNKNOWN}`
      expect((await send(none, { method: 'DELETE', headers })).status).toBe(404)
      const token = await tokenOf(here, 'officer', { sub: 'officer', team: 'orders' })
      const { body } = await exchange(here.url, form(token))
      const [own] = body['authorization_details'] as { grant: string }[]
      const url = `${here.url}/v1/grants/${own?.grant}`
      expect((await send(url, { method: 'DELETE', headers })).status).toBe(200)
    })
  })

  test.each(['agent', 'local', 'ci', 'workload'])(
    'that a token of class %s claims is no role',
    async (who) => {
      const token = await tokenOf(here, who, {
        sub: 'pretender',
        role: 'operator',
        roles: ['operator'],
      })
      const { body } = await send(`${here.url}/v1/grants`, bearer(token))
      expect(body['grants']).toEqual([])
    },
  )

  test('is not what a header or a query says', async () => {
    const token = await tokenOf(here, 'stranger')
    const headers = {
      ...bearer(token).headers,
      'x-role': 'operator',
      'x-forwarded-user': 'person-2',
      'x-credctl-class': 'human',
      cookie: 'role=operator',
    }
    const url = `${here.url}/v1/grants`
    const asked = await send(`${url}?role=operator&class=human&access_token=${own.token}`, {
      headers,
    })
    expect(asked.status).toBe(400)
    const { body } = await send(url, { headers })
    expect(body['grants']).toEqual([])
  })
})
