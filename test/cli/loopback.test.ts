import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { awsEndpoint } from '../../src/cli/exec/aws-endpoint.ts'
import { type Loopback, listenLocally } from '../../src/cli/exec/loopback.ts'
import { JsonObject } from '../../src/client/json.ts'
import { CredctlError } from '../../src/errors.ts'

let endpoint: Loopback | undefined
afterEach(() => endpoint?.close())

const EXPIRATION = new Date(Date.now() + 15 * 60_000).toISOString()
const CREDENTIAL = {
  AccessKeyId: 'ASIAEXAMPLE',
  SecretAccessKey: 'secret-key',
  Token: 'session-token',
  Expiration: EXPIRATION,
}

/** An endpoint for two targets over a broker that answers like this. */
async function listen(fetch = async (_target: string): Promise<object> => CREDENTIAL) {
  const asked: string[] = []
  const told: string[] = []
  endpoint = await listenLocally(
    awsEndpoint(
      ['exports', 'web'],
      async (target) => {
        asked.push(target)
        return new JsonObject(await fetch(target), 'the credential')
      },
      (problem) => told.push(problem),
    ),
  )
  return { ...endpoint, asked, told }
}

interface Sent {
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
}

async function send(
  to: Loopback,
  { path = '/v1/credentials/exports', method = 'GET', headers = {} }: Sent = {},
) {
  const { hostname, port } = new URL(to.url)
  const all = { host: `${hostname}:${port}`, authorization: to.authorization, ...headers }
  return await new Promise<{
    status: number
    headers: NodeJS.Dict<string | string[]>
    body: string
  }>((resolve, reject) => {
    request({ hostname, port, path, method, headers: all }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      )
    })
      .once('error', reject)
      .end()
  })
}

describe('the endpoint for AWS SDKs', () => {
  test('answers in the shape that they read, and what caches must not keep', async () => {
    const here = await listen()
    const { status, headers, body } = await send(here)
    expect([status, JSON.parse(body)]).toEqual([200, CREDENTIAL])
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })

  test('asks the broker once, however many ask it', async () => {
    const here = await listen()
    const answers = await Promise.all(Array.from({ length: 100 }, () => send(here)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(here.asked).toEqual(['exports'])
  })

  test('passes on what it knows of a credential, and no more', async () => {
    const here = await listen(async () => ({ ...CREDENTIAL, password: 'other-secret' }))
    expect((await send(here)).body).not.toContain('other-secret')
  })

  test('tells SDKs and, once, people why there is none', async () => {
    const here = await listen(async () => {
      throw new CredctlError('grant_ended', 'the grant has ended')
    })
    for (let tries = 0; tries < 5; tries += 1) {
      const { status, body } = await send(here)
      expect([status, JSON.parse(body)]).toEqual([
        403,
        { Code: 'grant_ended', Message: 'the grant has ended' },
      ])
    }
    expect(here.told).toEqual(['no AWS credential: the grant has ended'])
  })

  test('says nothing of what it does not understand', async () => {
    const here = await listen(async () => {
      throw new TypeError('secret-in-a-defect')
    })
    expect((await send(here)).body).toBe(
      '{"Code":"internal","Message":"the credential could not be fetched"}',
    )
    expect(here.told.join()).not.toContain('secret')
  })

  test('gives nothing for an answer that lacks a field', async () => {
    const here = await listen(async () => ({ ...CREDENTIAL, Token: undefined }))
    const { status, body } = await send(here)
    expect(status).toBe(503)
    expect(body).not.toContain('secret-key')
  })
})

const REFUSED: Readonly<Record<string, readonly [number, Sent]>> = {
  'no token': [401, { headers: { authorization: '' } }],
  'another token': [401, { headers: { authorization: `Bearer ${'A'.repeat(43)}` } }],
  'a token of another scheme': [401, { headers: { authorization: 'Basic QTpC' } }],
  'a name that was pointed here (DNS rebinding)': [403, { headers: { host: 'rebound.example' } }],
  'the host of somebody else': [403, { headers: { host: '169.254.170.2' } }],
  'our address without its port': [403, { headers: { host: '127.0.0.1' } }],
  'a name for this machine that is not the address': [403, { headers: { host: 'localhost:80' } }],
  'a page of another origin': [403, { headers: { origin: 'https://evil.example' } }],
  'a page of any origin': [403, { headers: { origin: 'null' } }],
  'a browser': [403, { headers: { 'sec-fetch-site': 'none' } }],
  'a target that the grant has not': [404, { path: '/v1/credentials/billing' }],
  'a target with a path in it': [404, { path: '/v1/credentials/..%2Fweb' }],
  'a name every object has': [404, { path: '/v1/credentials/constructor' }],
  'another method': [404, { method: 'POST' }],
  'a question about the methods (CORS)': [404, { method: 'OPTIONS' }],
  'a query': [404, { path: '/v1/credentials/exports?x=y' }],
  'no path': [404, { path: '/' }],
}

test.each(Object.entries(REFUSED))(
  'nobody gets a credential with %s',
  async (_what, [status, sent]) => {
    const here = await listen()
    const answer = await send(here, sent)
    expect(answer.status).toBe(status)
    expect(answer.body).not.toContain('secret')
    expect(here.asked).toEqual([])
  },
)

test('it listens on this machine alone, with another token each time', async () => {
  const first = await listen()
  expect(new URL(first.url).hostname).toBe('127.0.0.1')
  const second = await listenLocally(async () => undefined)
  expect(second.authorization).not.toBe(first.authorization)
  expect(second.authorization.length).toBeGreaterThan(40)
  second.close()
})

test('what is no HTTP, or too much of it, is cut off', async () => {
  const here = await listen()
  const { port } = new URL(here.url)
  const said = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(`GET / HTTP/1.1\r\nx: ${'a'.repeat(64 * 1024)}\r\n\r\n`)
    })
    let text = ''
    socket.on('data', (chunk) => {
      text += String(chunk)
    })
    socket.on('error', () => undefined).on('close', () => resolve(text))
  })
  expect(said).toMatch(/^HTTP\/1\.1 431 /)
  expect((await send(here)).status).toBe(200)
})

test('it is gone when it is closed, for those who are connected too', async () => {
  const here = await listen()
  await send(here)
  here.close()
  await expect(send(here)).rejects.toThrow(/ECONNREFUSED|socket hang up/)
})
