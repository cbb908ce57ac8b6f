import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GRANT_TYPES, TASK_DETAILS_TYPE, TOKEN_TYPES } from '../../src/contract.ts'
import { testPostgres } from '../support/postgres.ts'
import {
  bearer,
  exchange,
  form,
  type Granted,
  granted,
  type Sent,
  send,
  TASK,
  tokenOf,
  type World,
  world,
} from './world.ts'

const postgres = testPostgres()
let here: World
let own: Granted
let token: string

beforeAll(async () => {
  here = await world(postgres)
  own = await granted(here)
  token = await tokenOf(here, 'agent')
}, 60_000)
afterAll(() => here?.close())

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }

/** A path as it is, where `fetch` would tidy it up first. */
function raw(method: string, path: string, headers: Record<string, string> = {}): Promise<Sent> {
  const { hostname, port } = new URL(here.url)
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, method, path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
        resolve({ status: response.statusCode ?? 0, headers: new Headers(), text, body })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function rows(sql: string): Promise<Record<string, unknown>[]> {
  return (await postgres.pool(here.ledgerDatabase).query(sql)).rows
}
const entries = async () =>
  Number((await rows('SELECT count(*) AS n FROM credctl_ledger.entries'))[0]?.['n'])

describe('a body', () => {
  const big = 'x'.repeat(1024 * 1024)

  test.each(['/token', '/v1/plans'])('of a megabyte is refused by %s', async (path) => {
    const type = path === '/token' ? FORM : JSON_TYPE
    const headers = { ...bearer(token).headers, ...type }
    const { status, body } = await send(here.url + path, { method: 'POST', headers, body: big })
    expect([status, body['code']]).toEqual([413, 'request_too_large'])
  })

  test.each(['/token', '/v1/plans'])(
    'of no stated length is read no further by %s',
    async (path) => {
      const type = path === '/token' ? FORM : JSON_TYPE
      let given = 0
      const body = new ReadableStream({
        pull(controller) {
          given += 1
          if (given > 1000) controller.close()
          else controller.enqueue(new TextEncoder().encode('x'.repeat(16_384)))
        },
      })
      const headers = { ...bearer(token).headers, ...type }
      const init: RequestInit & { duplex: 'half' } = {
        method: 'POST',
        headers,
        body,
        duplex: 'half',
      }
      const answer = await send(here.url + path, init).catch(() => ({ status: 413 }))
      expect(answer.status).toBe(413)
    },
  )

  test.each([
    ['none', undefined],
    ['text/plain', 'text/plain'],
    ['multipart/form-data', 'multipart/form-data; boundary=x'],
    ['JSON at /token', 'application/json'],
    ['a form with a suffix', 'application/x-www-form-urlencoded-x'],
  ])('of another type (%s) is refused by /token', async (_what, type) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
    const body = new TextEncoder().encode(form(token))
    const answer = await send(`${here.url}/token`, { method: 'POST', headers, body })
    expect([answer.status, answer.body['code']]).toEqual([415, 'media_type_unsupported'])
  })

  test.each(['application/x-www-form-urlencoded', 'text/json', 'application/jsonx'])(
    'of another type (%s) is refused by /v1/plans',
    async (type) => {
      const headers = { ...bearer(token).headers, 'content-type': type }
      const body = JSON.stringify(TASK)
      const answer = await send(`${here.url}/v1/plans`, { method: 'POST', headers, body })
      expect([answer.status, answer.body['code']]).toEqual([415, 'media_type_unsupported'])
    },
  )

  test('that says something twice is refused by /v1/plans', async () => {
    const headers = { ...bearer(token).headers, ...JSON_TYPE }
    const body = '{"scope":"others","environment":"staging","intent":"a","scope":"orders"}'
    const answer = await send(`${here.url}/v1/plans`, { method: 'POST', headers, body })
    expect([answer.status, answer.body['code']]).toEqual([400, 'request_invalid'])
  })

  test('that is not UTF-8 is refused', async () => {
    const headers = { ...bearer(token).headers, ...JSON_TYPE }
    const body = Buffer.concat([Buffer.from('{"scope":"'), Buffer.from([0xff]), Buffer.from('"}')])
    const answer = await send(`${here.url}/v1/plans`, { method: 'POST', headers, body })
    expect([answer.status, answer.body['code']]).toEqual([400, 'request_invalid'])
  })
})

describe('a form', () => {
  const details = (task: unknown) => JSON.stringify([task])
  const good = { type: TASK_DETAILS_TYPE, ...TASK }

  const REPEATED = [
    'grant_type',
    'subject_token',
    'subject_token_type',
    'authorization_details',
    'audience',
    'resource',
    'requested_token_type',
    'actor_token',
    'caller_class',
  ]
  test.each(REPEATED)('with %s twice is refused', async (name) => {
    const values = new URLSearchParams(form(token))
    values.append(name, values.get(name) ?? 'x')
    values.append(name, 'y')
    const { status, body } = await exchange(here.url, values.toString())
    expect([status, body['error']]).toEqual([400, 'invalid_request'])
    expect(body['error_description']).toContain(`${name} is given more than once`)
  })

  test('with fields nobody knows is as good as without them (RFC 6749 §3.2)', async () => {
    const { status } = await exchange(
      here.url,
      form(token, TASK, { nonsense: 'x', scope: 'admin' }),
    )
    expect(status).toBe(200)
  })

  test.each(['grant_type', 'subject_token', 'subject_token_type', 'authorization_details'])(
    'without %s is refused by name',
    async (name) => {
      const values = new URLSearchParams(form(token))
      values.delete(name)
      const { status, body } = await exchange(here.url, values.toString())
      expect([status, body['error']]).toEqual([400, 'invalid_request'])
      expect(body['error_description']).toContain(`${name} is missing`)
    },
  )

  test.each([
    ['an unknown grant type', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['client credentials', { grant_type: 'client_credentials' }, 'unsupported_grant_type'],
    [
      'a SAML assertion',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
      'invalid_request',
    ],
    ['an access token as subject', { subject_token_type: TOKEN_TYPES.access }, 'invalid_request'],
    [
      'a refresh token as answer',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'invalid_request',
    ],
    ['another audience', { audience: 'https://other.example' }, 'invalid_target'],
    ['another resource', { resource: 'https://other.example' }, 'invalid_target'],
    ['a class that does not exist', { caller_class: 'root' }, 'invalid_request'],
    ['a class above the caller', { caller_class: 'ci' }, 'access_denied'],
    ['garbage as a token', { subject_token: 'garbage' }, 'invalid_request'],
    ['an empty token', { subject_token: '' }, 'invalid_request'],
    ['a token with a newline', { subject_token: 'a.b.c\n' }, 'invalid_request'],
    [
      'garbage as an assertion',
      { grant_type: GRANT_TYPES.bearer, assertion: 'garbage' },
      'invalid_grant',
    ],
  ])('with %s is refused', async (_what, more, error) => {
    const { status, body } = await exchange(here.url, form(token, TASK, more))
    expect(body['error']).toBe(error)
    expect(status).toBe(400)
    expect(body).not.toHaveProperty('access_token')
  })

  test.each([
    ['no JSON', 'x'],
    ['nothing in it', '[]'],
    ['an object', JSON.stringify(good)],
    ['two tasks', JSON.stringify([good, good])],
    ['null', '[null]'],
    ['a list in a list', '[[]]'],
    ['text', '["x"]'],
    ['another type', details({ ...good, type: 'other' })],
    ['no type', details(TASK)],
    ['an unknown field', details({ ...good, ttl: '10h' })],
    ['a field of a plan', details({ ...good, environmentClass: 'nonprod' })],
    ['no scope', details({ ...good, scope: undefined })],
    ['a list of scopes', details({ ...good, scope: ['orders'] })],
    ['an empty scope', details({ ...good, scope: '' })],
    ['a scope of 129 characters', details({ ...good, scope: 'x'.repeat(129) })],
    ['no intent', details({ ...good, intent: undefined })],
    ['an empty intent', details({ ...good, intent: '' })],
    ['an intent of 2,001 characters', details({ ...good, intent: 'x'.repeat(2001) })],
    ['an intent with a NUL', details({ ...good, intent: 'a\0b' })],
    [
      'an intent with half a character',
      `[{"type":"${TASK_DETAILS_TYPE}","scope":"orders","environment":"staging","intent":"a\\ud800"}]`,
    ],
    ['an intent with a terminal escape', details({ ...good, intent: 'a\u001b[2Jb' })],
    ['an intent that is a number', details({ ...good, intent: 1 })],
    ['a scope with a NUL', details({ ...good, scope: 'a\0b' })],
    [
      'a scope with half a character',
      `[{"type":"${TASK_DETAILS_TYPE}","scope":"a\\udc00","environment":"staging","intent":"a"}]`,
    ],
    ['an environment with a NUL', details({ ...good, environment: 'a\0b' })],
    ['parameters as a list', details({ ...good, parameters: ['a'] })],
    ['a parameter that is a number', details({ ...good, parameters: { ticket: 1 } })],
    ['a parameter that is a list', details({ ...good, parameters: { ticket: ['a'] } })],
    [
      'a parameter of 257 characters',
      details({ ...good, parameters: { ticket: 'x'.repeat(257) } }),
    ],
    ['a parameter with a NUL', details({ ...good, parameters: { ticket: 'a\0' } })],
    [
      'a parameter’s name with half a character',
      `[{"type":"${TASK_DETAILS_TYPE}","scope":"orders","environment":"staging","intent":"a","parameters":{"\\ud800":"a"}}]`,
    ],
    [
      'a hundred parameters',
      details({
        ...good,
        parameters: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`p${n}`, 'x'])),
      }),
    ],
    [
      'five thousand parameters',
      details({
        ...good,
        parameters: Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`p${n}`, 'x'])),
      }),
    ],
    [
      'a scope twice: a gateway may have looked at the other one',
      `[{"type":"${TASK_DETAILS_TYPE}","scope":"others","environment":"staging","intent":"a","scope":"orders"}]`,
    ],
    [
      'a scope twice, once behind an escape',
      `[{"type":"${TASK_DETAILS_TYPE}","scope":"others","environment":"staging","intent":"a","sc\\u006fpe":"orders"}]`,
    ],
    [
      'a parameter twice',
      `[{"type":"${TASK_DETAILS_TYPE}","scope":"exports","environment":"staging","intent":"a","parameters":{"ticket":"AB-1","ticket":"CD-2"}}]`,
    ],
    ['lists a thousand deep', '['.repeat(1000) + ']'.repeat(1000)],
  ])(
    'whose authorization_details are %s is refused before anything is recorded',
    async (_what, text) => {
      const before = await entries()
      const body = new URLSearchParams(form(token))
      body.set('authorization_details', text)
      // As it is, not escaped: a body of five thousand parameters would not fit otherwise.
      const values = [...body].map(
        ([name, value]) => `${name}=${value.replaceAll(/[%&+#]/g, encodeURIComponent)}`,
      )
      const answer = await exchange(here.url, values.join('&'))
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_authorization_details'])
      expect(await entries()).toBe(before)
    },
  )
})

describe('a path', () => {
  const TRICKS = [
    '..',
    '.',
    '%2e%2e',
    '%2e',
    '..%2f..%2fgrants',
    '%2F',
    '%00',
    'orders-db%00',
    'orders-db%0a',
    'orders-db%20',
    '%20orders-db',
    'ORDERS-DB',
    'orders-db;a=b',
    'orders-db%3f',
    'orders-db%23',
    '%c0%ae%c0%ae',
    '%zz',
    '%',
    '%ff',
    '%ed%a0%80',
    '*',
    '{target}',
    ':target',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '%F0%9F%98%80',
    '%D0%BErders-db',
    'x'.repeat(8000),
    "'%20OR%201=1--",
    '$%7Bjndi:ldap://x%7D',
    'orders-db/',
    'orders-db/x',
    '/',
    '//',
    '\\',
    '..\\..',
  ]

  test.each(TRICKS.map((trick) => [trick.slice(0, 40), trick]))(
    '/v1/credentials/%s gives nothing',
    async (_name, trick) => {
      const { status, text } = await raw(
        'GET',
        `/v1/credentials/${trick}`,
        bearer(own.token).headers,
      )
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(500)
      expect(text).not.toContain('password')
    },
  )

  test.each(TRICKS.map((trick) => [trick.slice(0, 40), trick]))(
    '/v1/grants/%s and /v1/scopes/… give nothing',
    async (_name, trick) => {
      for (const [method, path] of [
        ['GET', `/v1/grants/${trick}`],
        ['DELETE', `/v1/grants/${trick}`],
        ['GET', `/v1/grants/${trick}/receipts`],
        ['GET', `/v1/grants/${own.id}${trick}`],
        ['GET', `/v1/scopes/${trick}`],
        ['GET', `/log/tile/${trick}`],
        ['GET', `/log/tile/0/${trick}`],
        ['GET', `/log/tile/entries/${trick}`],
        ['GET', `/${trick}`],
      ] as const) {
        const { status } = await raw(method, path, bearer(token).headers)
        expect([path.slice(0, 80), status >= 400 && status < 500]).toEqual([
          path.slice(0, 80),
          true,
        ])
      }
    },
  )

  test.each([
    '//v1/grants',
    '/V1/grants',
    '/v1//grants',
    '/v1/grants/',
    '/v1/./grants',
    '/v1/x/../grants',
    '/%76%31/grants',
    '/token/',
    '/v1/grants%2f',
    '/v1/grants?'.repeat(2),
  ])('%s is another place, or the same guarded one', async (path) => {
    const { status } = await raw('GET', path)
    expect([401, 404]).toContain(status)
  })

  test.each(['PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])(
    '%s is nothing that a read endpoint does',
    async (method) => {
      const headers = bearer(own.token).headers
      for (const path of [
        '/v1/credentials/orders-db',
        '/v1/grants',
        '/v1/scopes',
        '/log/checkpoint',
        '/metrics',
        '/healthz',
      ]) {
        const { status, text } = await raw(method, path, headers)
        expect([path, status >= 400 && status < 500]).toEqual([path, true])
        expect(text).not.toContain('password')
      }
    },
  )

  test('HEAD mints nothing', async () => {
    const grant = await granted(here)
    const { status } = await raw('HEAD', '/v1/credentials/orders-db', bearer(grant.token).headers)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(
      await rows(`SELECT * FROM credctl_ledger.credentials WHERE grant_id = '${grant.id}'`),
    ).toEqual([])
  })

  test('GET /token is not a request for one', async () => {
    const { status } = await raw('GET', `/token?${form(token)}`)
    expect(status).toBeGreaterThanOrEqual(400)
  })
})

describe('a query', () => {
  test.each([
    'scope=%00',
    'environment=%00',
    'scope=%ff',
    'scope=%ed%a0%80',
    "scope=';select%20pg_sleep(5)--",
    `scope=${'x'.repeat(5000)}`,
    'before=x',
    'before=%00',
    'live=yes',
    'live=',
    'live=1',
    'live=true&live=false',
    'scope=a&scope=b',
    'limit=1000000',
    'owner=x',
    'class=agent',
  ])(
    '?%s of a listing is refused or finds nothing, and is never a failure of ours',
    async (query) => {
      const { status, body } = await raw('GET', `/v1/grants?${query}`, bearer(token).headers)
      expect([200, 400]).toContain(status)
      if (status === 200) expect(body['grants']).toEqual([])
      else expect(body['code']).toBe('request_invalid')
    },
  )
})

describe('an authorization header', () => {
  const cases: [string, () => string][] = [
    ['Basic', () => `Basic ${Buffer.from(`x:${own.token}`).toString('base64')}`],
    ['without a scheme', () => own.token],
    ['with two spaces', () => `Bearer  ${own.token}`],
    ['with something after it', () => `Bearer ${own.token} x`],
    ['with two tokens', () => `Bearer ${own.token}, Bearer ${own.token}`],
    ['with quotes', () => `Bearer "${own.token}"`],
    ['that is empty', () => 'Bearer '],
    ['with a scheme that starts the same', () => `BearerX ${own.token}`],
    ['for a proof without one', () => `DPoP ${own.token}`],
    [
      'with another character in its signature',
      () => `Bearer ${own.token.slice(0, -2)}${own.token.endsWith('AA') ? 'BB' : 'AA'}`,
    ],
    ['without a signature', () => `Bearer ${own.token.split('.').slice(0, 2).join('.')}.`],
    ['with four parts', () => `Bearer ${own.token}.x`],
  ]
  test.each(cases)('%s opens nothing', async (_what, value) => {
    const { status } = await raw('GET', '/v1/credentials/orders-db', { authorization: value() })
    expect(status).toBe(401)
  })

  test('in a query, a body or another header is not looked at', async () => {
    for (const path of [
      `/v1/credentials/orders-db?access_token=${own.token}`,
      `/v1/credentials/orders-db?token=${own.token}`,
    ]) {
      const { status } = await raw('GET', path, {
        'x-authorization': `Bearer ${own.token}`,
        cookie: `token=${own.token}`,
      })
      expect(status).toBe(401)
    }
  })

  test('of 40 KB is cut off by the server', async () => {
    const { status } = await raw('GET', '/v1/grants', {
      authorization: `Bearer ${'x'.repeat(40_000)}`,
    })
    expect(status).toBe(431)
  })
})

describe('a connection', () => {
  const { host } = { host: '127.0.0.1' }
  const speak = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(here.url).port), host)
      let answer = ''
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1')
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
      socket.end(text)
    })

  test.each([
    [
      'two lengths',
      'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
    ],
    [
      'a length and chunks',
      'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n',
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['a header over two lines', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
  ])('that sends %s is refused by the server', async (_what, text) => {
    const answer = await speak(text)
    expect(answer).toMatch(/^(HTTP\/1\.1 400|$)/)
    expect(answer).not.toContain('credctl_')
  })

  test.each(['evil.example', '127.0.0.1:1', 'x'.repeat(300), '"><script>', '[::1'])(
    'with the host %s changes no URL of ours',
    async (value) => {
      const answer = await speak(
        `GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: ${value}\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher\r\nForwarded: host=evil.example\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).not.toContain('evil.example')
      if (answer.startsWith('HTTP/1.1 200')) expect(answer).toContain(`"issuer":"${here.url}"`)
      else expect(answer).toMatch(/^HTTP\/1\.1 400/)
    },
  )
})

describe('every answer', () => {
  const answers: [string, () => Promise<Sent>][] = [
    ['a grant', async () => await exchange(here.url, form(await tokenOf(here, 'agent')))],
    ['a denial', async () => await exchange(here.url, form(await tokenOf(here, 'stranger')))],
    ['a bad form', () => exchange(here.url, 'x')],
    ['a credential', () => send(`${here.url}/v1/credentials/orders-db`, bearer(own.token))],
    ['a refused credential', () => send(`${here.url}/v1/credentials/orders-db`)],
    ['a listing', () => send(`${here.url}/v1/grants`, bearer(token))],
    ['nothing', () => send(`${here.url}/nothing`)],
    [
      'a large body',
      () => send(`${here.url}/token`, { method: 'POST', headers: FORM, body: 'x'.repeat(100_000) }),
    ],
    ['metrics', () => send(`${here.url}/metrics`)],
    ['the document', () => send(`${here.url}/openapi.json`)],
    ['the keys', () => send(`${here.url}/.well-known/jwks.json`)],
    ['the checkpoint', () => send(`${here.url}/log/checkpoint`)],
  ]
  test.each(answers)('%s carries the headers of every answer', async (_what, ask) => {
    const { headers } = await ask()
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('x-request-id')).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(headers.get('server')).toBeNull()
    expect(headers.get('x-powered-by')).toBeNull()
  })

  test.each(answers.slice(0, 6))('%s is stored nowhere', async (_what, ask) => {
    expect((await ask()).headers.get('cache-control')).toBe('no-store')
  })

  test('has an id of ours, whatever id the request came with', async () => {
    const id = '01ARYZ6S410000000000000000'
    const { headers } = await send(`${here.url}/healthz`, { headers: { 'x-request-id': id } })
    expect(headers.get('x-request-id')).not.toBe(id)
  })
})
