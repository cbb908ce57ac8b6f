import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { STSClient } from '@aws-sdk/client-sts'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../examples/tour/free-port.ts'
import { type Client, CredctlError, createClient, Refusal } from '../../src/client/client.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'

const postgres = testPostgres()
let broker: TestBroker
let client: Client
let identity = ''

const TASK = {
  scope: 'backfill-order-totals',
  environment: 'staging',
  intent: 'recompute totals',
  parameters: { ticket: 'ORD-1' },
}

beforeAll(async () => {
  broker = await testBroker(postgres)
  identity = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
  client = createClient({ url: broker.url, identity: () => identity })
})
afterAll(() => broker?.close())

describe('a task', () => {
  test('says what it may reach and until when', async () => {
    await using task = await client.start(TASK)
    expect(task.targets).toEqual([
      { name: 'exports', kind: 'aws', region: 'eu-central-1', guarantees: expect.any(Array) },
      { name: 'orders-db', kind: 'postgres', region: undefined, guarantees: expect.any(Array) },
    ])
    expect(task.targets[0]?.guarantees.length).toBeGreaterThan(0)
    expect(task.blastRadius).toMatchObject({ databases: 1, tables: 2 })
    expect(task.expiresAt.getTime()).toBeGreaterThan(Date.now() + 60_000)
    expect(await task.status()).toBe('live')
  })

  test('gives the AWS SDK credentials, one for callers that come at once', async () => {
    await using task = await client.start(TASK)
    const sts = new STSClient({ region: 'eu-central-1', credentials: task.aws('exports') })
    const { accessKeyId, expiration } = await sts.config.credentials()
    expect(accessKeyId).toMatch(/^ASIA/)
    expect(expiration).toEqual(task.expiresAt)
    const provider = task.aws('exports')
    const again = await Promise.all(Array.from({ length: 50 }, provider))
    expect(new Set(again.map((each) => each.secretAccessKey)).size).toBe(1)
    expect(again[0]?.accessKeyId).toBe(accessKeyId)
  })

  test('connects pg to what the scope gives, and no further', async () => {
    await using task = await client.start(TASK)
    const pool = new pg.Pool(await task.postgres('orders-db'))
    try {
      await pool.query('SELECT * FROM orders LIMIT 1')
      await expect(pool.query('DROP TABLE orders')).rejects.toThrow('must be owner')
    } finally {
      pool.on('error', () => undefined)
      await pool.end()
    }
  })

  test('is over when its block ends, and gives nothing any more', async () => {
    let task: Awaited<ReturnType<Client['start']>>
    {
      await using inner = await client.start(TASK)
      task = inner
      await task.aws('exports')()
    }
    expect(await task.status()).toBe('ended')
    await expect(task.aws('exports')()).rejects.toMatchObject({ code: 'grant_ended' })
    await expect(task.postgres('orders-db')).rejects.toMatchObject({ code: 'grant_ended' })
    expect(await task.end()).toBe(await task.end())
  })

  test('has no target of another name or kind', async () => {
    await using task = await client.start(TASK)
    expect(() => task.aws('orders-db')).toThrow(
      expect.objectContaining({
        code: 'target_unknown',
        hint: 'Its targets are exports (aws), orders-db (postgres).',
      }),
    )
    await expect(task.postgres('__proto__')).rejects.toMatchObject({ code: 'target_unknown' })
  })

  test('works the same with grants bound to a key', async () => {
    const bound = createClient({ url: broker.url, identity: () => identity, dpop: true })
    await using task = await bound.start(TASK)
    expect((await task.aws('exports')()).accessKeyId).toMatch(/^ASIA/)
    expect(await task.status()).toBe('live')
    await task.end()
    expect(await task.status()).toBe('ended')
  })
})

describe('a refusal', () => {
  test('is typed: code, reasons, request and grant', async () => {
    const refused = client.start({ ...TASK, environment: 'prod' })
    await expect(refused).rejects.toBeInstanceOf(Refusal)
    await expect(refused).rejects.toThrow(/^the broker refused: scope .* environment "prod"$/)
    await expect(refused).rejects.toMatchObject({
      code: 'access_denied',
      reasons: [{ code: 'environment_not_in_scope' }],
      request: expect.stringMatching(/^\w{26}$/),
      grant: expect.stringMatching(/^\w{26}$/),
    })
  })

  test('of an identity carries its code', async () => {
    const stranger = createClient({ url: broker.url, identity: () => 'no.token.here' })
    await expect(stranger.start(TASK)).rejects.toMatchObject({ code: 'token_malformed' })
  })

  test.each([
    'http://broker.example',
    'https://u:p@broker.example',
    'https://broker.example/?a=b',
    'ftp://127.0.0.1',
    'http://127.0.0.1.example',
    'broker',
  ])('meets the address %s before anything is sent', (url) => {
    const wrong = () => createClient({ url, identity: () => identity })
    expect(wrong).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

test('a plan says what a task would get, and grants nothing', async () => {
  const { decision, plan } = await client.plan(TASK)
  expect(decision).toBe('allow')
  expect(plan?.blastRadius.tables).toBe(2)
  const denied = await client.plan({ ...TASK, environment: 'prod' })
  expect(denied).toMatchObject({ decision: 'deny' })
  expect(denied.plan).toBeUndefined()
})

test('the scopes are those that the caller may see', async () => {
  const { scopes } = await client.scopes()
  expect(scopes.map(({ name }) => name)).toContain('backfill-order-totals')
})

describe('no secret is printed', () => {
  const deep = (value: unknown) => inspect(value, { depth: 20, showHidden: true })

  test('of a task, its client or its configuration for pg', async () => {
    await using task = await client.start(TASK)
    const config = await task.postgres('orders-db')
    const { secretAccessKey, sessionToken } = await task.aws('exports')()
    const printed = [client, task, config].flatMap((each) => [deep(each), JSON.stringify(each)])
    const secrets = [identity, secretAccessKey, sessionToken, await config.password(), 'eyJ']
    for (const secret of secrets) expect(printed.join('\n')).not.toContain(secret)
  })

  test('with any error', async () => {
    const nowhere = createClient({
      url: `http://127.0.0.1:${await freePort()}`,
      identity: () => identity,
    })
    const errors = await Promise.all(
      [client.start({ ...TASK, environment: 'prod' }), nowhere.start(TASK)].map((each) =>
        each.then(
          () => expect.unreachable(),
          (error: unknown) => error,
        ),
      ),
    )
    expect(errors[1]).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    for (const error of errors) expect(deep(error)).not.toContain(identity)
  })
})

describe('a broker that is none', () => {
  let server: Server
  let answer: { status: number; body: string; headers?: Record<string, string> }
  let seen = 0
  beforeAll(async () => {
    server = createServer((_request, response) => {
      seen += 1
      response.writeHead(answer.status, answer.headers).end(answer.body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => server?.close())
  const there = () => {
    const { port } = server.address() as AddressInfo
    return createClient({ url: `http://127.0.0.1:${port}`, identity: () => identity })
  }

  const granted = (change: object) => ({
    access_token: 'at',
    authorization_details: [
      {
        grant: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
        expires_at: '2030-01-01T00:00:00Z',
        targets: { db: { kind: 'postgres' } },
        blast_radius: {},
        ...change,
      },
    ],
  })

  test.each([
    ['nothing', 200, '', 'the grant is not JSON'],
    ['a list', 200, '[]', 'the grant is not what a broker answers'],
    ['no details', 200, '{"access_token":"x"}', 'has no usable authorization_details'],
    ['a page', 502, '<html>', 'answered 502'],
    ['a time that is none', 200, JSON.stringify(granted({ expires_at: 'soon' })), 'expires_at'],
    ['an id with a path', 200, JSON.stringify(granted({ grant: '../../x' })), 'no usable grant'],
    [
      'a target with a line break',
      200,
      JSON.stringify(granted({ targets: { 'a\nb': { kind: 'aws' } } })),
      'names a target that cannot be one',
    ],
  ])('that answers %s is unavailable', async (_what, status, body, message) => {
    answer = { status, body }
    const failure = there().start(TASK)
    await expect(failure).rejects.toBeInstanceOf(CredctlError)
    await expect(failure).rejects.toThrow(message)
    await expect(failure).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('and sends us elsewhere gets no second request', async () => {
    seen = 0
    answer = { status: 307, body: '', headers: { location: '/elsewhere' } }
    await expect(there().start(TASK)).rejects.toThrow('answered with a redirect')
    expect(seen).toBe(1)
  })

  test('and never ends its answer is cut off', async () => {
    answer = { status: 200, body: 'x'.repeat(5 * 1024 * 1024) }
    await expect(there().start(TASK)).rejects.toThrow('larger than')
  })
})
