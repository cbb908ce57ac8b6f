import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bearer, send } from '../api/world.ts'
import { approvalWorld, personToken, say, show, tokenNow } from '../approval/world.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { type Job, type Step, startJob } from './runner.ts'

const postgres = testPostgres()
let broker: TestBroker
const closing: (() => Promise<unknown>)[] = []

const REASON = { reason: 'The build was looked at.' }
const APPROVAL = '01M7Z0MEYX8WWVJ51DGQ94P6KZ'

const RUN = {
  sub: 'repo:acme/web:environment:production',
  repository_owner_id: '9919',
  repository_id: '81234568',
  event_name: 'push',
  environment: 'production',
  ref: 'refs/heads/main',
}

beforeAll(async () => {
  broker = await testBroker(postgres)
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(async () => await broker?.close())

async function job(claims: object = {}): Promise<Job> {
  let serial = 0
  const started = await startJob((audience) => {
    serial += 1
    return broker.issuers.ci({ ...RUN, aud: audience, jti: `${Date.now()}-${serial}`, ...claims })
  })
  // The scope takes one grant at a time: a test that failed must not keep it.
  closing.push(async () => {
    await started.post()
    await started.close()
  })
  return started
}

const deploy = () => ({
  broker: broker.url,
  scope: 'deploy-web',
  environment: 'prod',
  intent: 'deploy build 812',
})

function expectHidden(step: Step, ...secrets: (string | undefined)[]): void {
  for (const secret of secrets) {
    expect(secret?.length).toBeGreaterThan(10)
    expect(step.masks).toContain(secret)
    expect(step.shown + step.summary).not.toContain(secret)
  }
}

async function statusOf(id: string | undefined): Promise<string> {
  const token = await broker.issuers.person({ sub: 'op', role: 'platform-operator' })
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${broker.url}/v1/grants/${id}`, { headers })
  return ((await answer.json()) as { status: string }).status
}

function connect(env: ReadonlyMap<string, string>): pg.Client {
  return new pg.Client({
    host: env.get('PGHOST'),
    port: Number(env.get('PGPORT')),
    database: env.get('PGDATABASE'),
    user: env.get('PGUSER'),
    password: env.get('PGPASSWORD'),
  })
}

describe('the action', () => {
  test('gives later steps working credentials, hides them, and takes them back at the end', async () => {
    const { main, post, audiences } = await job()
    const step = await main(deploy())
    expect(step.status, step.log).toBe(0)
    expect(audiences).toEqual([broker.url])
    const { env } = step
    expectHidden(step, env.get('PGPASSWORD'), env.get('AWS_SECRET_ACCESS_KEY'))
    expectHidden(step, env.get('AWS_ACCESS_KEY_ID'), env.get('AWS_SESSION_TOKEN'))
    expect(env.get('AWS_REGION')).toBe('eu-central-1')

    const client = connect(env)
    await client.connect()
    await client.query('SELECT count(*) FROM deployments')
    await client.end()

    const grant = step.outputs.get('grant')
    expect(await statusOf(grant)).toBe('live')
    expect([...step.outputs.keys()]).toEqual(['grant', 'expires-at'])
    const ended = await post()
    expect(ended.status, ended.log).toBe(0)
    expect(ended.shown).toContain(`grant ${grant} has ended`)
    expect(await statusOf(grant)).toBe('ended')
    await expect(connect(env).connect()).rejects.toThrow()
    expect((await post()).status).toBe(0)
  })

  test('gives them to the steps that name them when asked to', async () => {
    const { main, post } = await job()
    const step = await main({ ...deploy(), 'export-to': 'outputs', targets: 'orders-db' })
    expect(step.status, step.log).toBe(0)
    expect(step.env.size).toBe(0)
    expectHidden(step, step.outputs.get('pgpassword'))
    expect(step.outputs.has('aws-access-key-id')).toBe(false)
    await post()
  })

  test('writes a summary in which nothing is markup', async () => {
    const { main, post } = await job()
    const intent = 'x | <img src=x> [a](javascript:b) `c`\n\n# d @everyone'
    const { summary, status, log } = await main({ ...deploy(), intent })
    expect(status, log).toBe(0)
    const cells = summary.split('\n').filter((line) => line.startsWith('| '))
    expect(summary).toContain('### Credentials by credctl')
    expect(summary).toContain('1 tables &#40;select 1')
    for (const text of ['<img', '](', '\n# d', '@everyone']) {
      expect(summary).not.toContain(text)
    }
    for (const line of cells) expect(line.split('|')).toHaveLength(4)
    await post()
  })
})

describe('a refusal', () => {
  test.each([
    ['a scope that does not name this repository', { repository_id: '1' }, {}, 'scope_unknown'],
    ['a parameter that the scope has not', {}, { parameters: 'a=b' }, 'has no parameter'],
    ['a parameter given twice', {}, { parameters: 'a=b\na=c' }, 'given more than once'],
    ['a target that the scope has not', {}, { targets: 'x' }, 'has no x, but orders-db, web'],
    ['an audience that is not the broker', {}, { audience: 'x' }, 'audience'],
    ['an address without TLS', {}, { broker: 'http://example.com' }, 'expected an https URL'],
    ['a missing input', {}, { scope: '' }, 'input scope is missing'],
    ['another way to export', {}, { 'export-to': 'file' }, 'expected env or outputs'],
  ])('fails the step and says why: %s', async (_what, claims, inputs, words) => {
    const { main, post } = await job(claims)
    const step = await main({ ...deploy(), ...inputs })
    expect(step.status).toBe(1)
    expect(step.log).toMatch(/^::error title=credctl::.+$/m)
    expect(step.log).toContain(words)
    expect(step.env.size).toBe(0)
    const ended = await post()
    expect(ended.status, ended.log).toBe(0)
  })

  test('of a job without identity names the permission', async () => {
    const started = await startJob()
    closing.push(() => started.close())
    const { status, log } = await started.main(deploy())
    expect([status, log]).toEqual([1, expect.stringContaining('permissions: { id-token: write }')])
  })

  test('after the grant was made still gives it up', async () => {
    const { main, post } = await job()
    const step = await main({ ...deploy(), targets: 'nope' })
    expect([step.status, step.outputs.size]).toEqual([1, 0])
    expect((await post()).shown).toMatch(/grant \w{26} has ended/)
  })
})

describe('a broker', () => {
  async function standIn(answer: RequestListener): Promise<string> {
    const server = createServer(answer).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    closing.push(() => new Promise((resolve) => server.close(resolve)))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('that wants an approval is asked again, with a fresh identity token each time', async () => {
    const seen: URLSearchParams[] = []
    const answers: [number, object][] = [
      [
        400,
        {
          error: 'authorization_pending',
          deferral_code: 'dc_1234567890',
          expires_in: 60,
          interval: 0,
          approval: { id: APPROVAL, binding_code: 'K7-QX' },
        },
      ],
      [400, { error: 'authorization_pending' }],
      [
        400,
        { error: 'access_denied', reasons: [{ code: 'approval_refused', message: 'not today' }] },
      ],
    ]
    const url = await standIn(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const [status, answer] = answers[seen.length] ?? [500, {}]
      seen.push(new URLSearchParams(body))
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
    const { main } = await job()
    const step = await main({ ...deploy(), broker: url })
    expect(step.status).toBe(1)
    expect(step.log).toContain(`deploy-web waits for approval ${APPROVAL}, letters K7-QX, until`)
    expect(step.log).toContain('refused: approval_refused: not today')
    expect(step.masks).toContain('dc_1234567890')
    const [first, second, third] = seen
    expect(first?.get('completion_mode')).toBe('deferred')
    expect(second?.get('deferral_code')).toBe('dc_1234567890')
    expect(second?.has('subject_token')).toBe(false)
    const tokens = [
      first?.get('subject_token'),
      second?.get('client_assertion'),
      third?.get('client_assertion'),
    ]
    expect(new Set(tokens).size).toBe(3)
  })

  test.each([
    ['a redirect', 302, '', 'answered 302'],
    ['a page', 200, '<html>', 'something else than a grant'],
    [
      'a grant without a token',
      200,
      '{"authorization_details":[{}]}',
      'something else than a grant',
    ],
    [
      'commands of the runner',
      400,
      '{"error_description":"x\\n::set-env name=A::b"}',
      'refused: x%0A::set-env',
    ],
  ])('that answers %s is not believed', async (_what, code, body, words) => {
    const url = await standIn((_request, response) => {
      response.writeHead(code, { location: 'http://127.0.0.1:9/' }).end(body)
    })
    const { main } = await job()
    const step = await main({ ...deploy(), broker: url })
    expect([step.status, step.env.size]).toEqual([1, 0])
    expect(step.log).toContain(words)
    expect(step.log).not.toMatch(/^::set-env/m)
  })

  test('that is gone at the end fails the post step, so that somebody looks', async () => {
    const { main, post } = await job()
    const answers = { up: true }
    const url = await standIn(async (request, response) => {
      if (!answers.up) return void response.writeHead(500).end('{}')
      const forwarded = await fetch(`${broker.url}${request.url}`, await toFetch(request))
      response.writeHead(forwarded.status).end(await forwarded.text())
    })
    const step = await main({ ...deploy(), broker: url, audience: broker.url })
    expect(step.status, step.log).toBe(0)
    answers.up = false
    const ended = await post()
    expect([ended.status, ended.log]).toEqual([
      1,
      expect.stringContaining('::error title=credctl::'),
    ])
  })
})

describe('a scope that needs an approval', () => {
  test('gives its credentials once somebody has approved', async () => {
    const here = await approvalWorld(postgres)
    closing.push(() => here.close())
    const started = await startJob(() => tokenNow(here, 'ci'))
    const release = { broker: here.url, scope: 'release', environment: 'prod', intent: 'build 9' }
    const running = started.main(release)
    const { body } = await eventually(async () => {
      const listed = await send(`${here.url}/v1/approvals`, bearer(await personToken(here, 'ann')))
      return (listed.body['approvals'] as { id: string }[]).length > 0 ? listed : undefined
    })
    const [asked] = body['approvals'] as { id: string }[]
    const { plan } = (await show(here, 'ann', asked?.id ?? '')).body
    const said = await say(here, 'ann', { id: asked?.id ?? '', plan: String(plan) }, REASON)
    expect(said.body['status'], said.text).toBe('approved')

    const step = await running
    expect(step.status, step.log).toBe(0)
    expect(step.log).toContain(`release waits for approval ${asked?.id}, letters `)
    expectHidden(step, step.env.get('PGPASSWORD'))
    const ended = await started.post()
    expect(ended.status, ended.log).toBe(0)
    await started.close()
  })
})

async function eventually<T>(find: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await find()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('it never came')
}

async function toFetch(request: Parameters<RequestListener>[0]): Promise<RequestInit> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { authorization = '', 'content-type': type = '' } = request.headers
  const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks).toString() }
  return {
    method: request.method ?? 'GET',
    headers: { authorization, 'content-type': type },
    ...body,
  }
}
