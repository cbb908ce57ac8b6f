import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

/** Every decision about an authenticated caller is an entry, however odd the caller or the scope. */
const postgres = testPostgres()
let here: World
let scopes: string

/** Passes the schema and has a thousand things wrong with it in every environment. */
const BROKEN = {
  name: 'broken',
  owner: 'team-orders',
  description: 'A scope that nobody has ever planned.',
  allow: [{ caller: 'agent', issuer: 'agents', claims: { team: 'orders' } }],
  environments: ['staging'],
  ttl: '15m',
  access: {
    exports: {
      aws: Array.from({ length: 20 }, (_, statement) => ({
        do: Array.from({ length: 50 }, (_each, n) => `s3:NoSuchAction${statement}x${n}`),
        on: ['arn:aws:s3:::acme-exports/*'],
      })),
    },
  },
}

beforeAll(async () => {
  scopes = await mkdtemp(join(tmpdir(), 'credctl-scopes-'))
  await cp(SCOPES, scopes, { recursive: true })
  await writeFile(join(scopes, 'broken.yaml'), JSON.stringify(BROKEN))
  here = await world(postgres, { scopes })
}, 60_000)
afterAll(async () => {
  await here?.close()
  await rm(scopes, { recursive: true, force: true })
})

async function entries(): Promise<{ index: number; body: Record<string, unknown> }[]> {
  const { rows } = await postgres
    .pool(here.ledgerDatabase)
    .query<{ index: string; body: Buffer }>(
      'SELECT index, body FROM credctl_ledger.entries ORDER BY index',
    )
  return rows.map(({ index, body }) => ({
    index: Number(index),
    body: JSON.parse(body.toString()),
  }))
}

describe('a decision is recorded', () => {
  test.each([
    ['that allows', 'agent', TASK, 'allow'],
    ['that the rules deny', 'stranger', TASK, 'deny'],
    ['that an invariant denies', 'agent', { ...TASK, environment: 'prod' }, 'deny'],
    ['about a scope that does not exist', 'agent', { ...TASK, scope: 'nothing' }, 'deny'],
    [
      'about an environment that does not exist',
      'agent',
      { ...TASK, environment: 'nothing' },
      'deny',
    ],
    ['about a scope with a thousand mistakes', 'agent', { ...TASK, scope: 'broken' }, 'deny'],
    [
      'about the longest names there are',
      'agent',
      { scope: 'x'.repeat(128), environment: 'y'.repeat(128), intent: '\u{1f600}'.repeat(1000) },
      'deny',
    ],
    [
      'about twenty parameters of the longest kind',
      'agent',
      {
        ...TASK,
        parameters: Object.fromEntries(
          Array.from({ length: 20 }, (_, n) => [`${'p'.repeat(60)}${n}`, '"'.repeat(256)]),
        ),
      },
      'deny',
    ],
    [
      'with an intent of quotes and newlines',
      'agent',
      { ...TASK, intent: '"\\\n\t'.repeat(500) },
      'allow',
    ],
  ])('%s', async (_what, who, task, decision) => {
    const before = (await entries()).length
    const { status, body } = await exchange(here.url, form(await tokenOf(here, who), task))
    expect(status).toBe(decision === 'allow' ? 200 : 400)
    const [entry, ...more] = (await entries()).slice(before)
    expect(more).toEqual([])
    expect(entry?.body).toMatchObject({ kind: 'grant.decided', decision, intent: task.intent })
    if (decision === 'deny') {
      expect(body).toMatchObject({ error: 'access_denied', grant: entry?.body['grant'] })
      expect(JSON.stringify(body).length).toBeLessThan(16_384)
    }
  })

  test.each([
    ['with a NUL in its subject', { sub: 'a\0b' }],
    ['with a newline in its subject', { sub: 'a\nb' }],
    ['with half a character in its subject', { sub: 'a\ud800' }],
    ['with a subject of 1,025 characters', { sub: 'x'.repeat(1025) }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that is a number', { sub: 7 }],
    ['with half a character in a claim', { sub: 'odd-1', team: '\ud800' }],
    ['with half a character in the name of a claim', { sub: 'odd-2', '\ud800': 'x' }],
    ['with a NUL in a claim', { sub: 'odd-3', team: 'orders\0' }],
    [
      'with a claim that is a long list',
      { sub: 'odd-5', team: Array.from({ length: 500 }, (_, n) => `t${n}`) },
    ],
  ])('or the token is refused: one %s', async (_what, claims) => {
    const before = (await entries()).length
    const { status, body } = await exchange(here.url, form(await tokenOf(here, 'agent', claims)))
    expect(status).toBe(400)
    expect(body).not.toHaveProperty('access_token')
    const recorded = (await entries()).length - before
    expect(recorded).toBe(body['error'] === 'access_denied' ? 1 : 0)
  })
})

describe('a scope that a caller may not take', () => {
  /** What differs between any two answers, and nothing else. */
  const words = (answer: Awaited<ReturnType<typeof exchange>>, name: string) => {
    const { request, grant, ...rest } = answer.body
    expect(request).toMatch(/^[0-9A-Z]{26}$/)
    expect(grant).toMatch(/^[0-9A-Z]{26}$/)
    const headers = [...answer.headers].filter(
      ([each]) => !/^(x-request-id|date|content-length)$/.test(each),
    )
    return { status: answer.status, headers, text: JSON.stringify(rest).replaceAll(name, 'NAME') }
  }

  test('is answered like one that does not exist, and is another thing in the log', async () => {
    const names = ['others', 'nothing']
    const answers = []
    for (const scope of names) {
      const token = await tokenOf(here, 'stranger', { sub: 'curious' })
      answers.push(words(await exchange(here.url, form(token, { ...TASK, scope })), scope))
    }
    expect(answers[0]).toEqual(answers[1])
    const recorded = (await entries()).slice(-2).map(({ body }) => body)
    expect(
      recorded.map(({ reasons }) => (reasons as { code: string }[]).map(({ code }) => code)),
    ).toEqual([['claim_mismatch'], ['scope_unknown']])
    expect(recorded[0]?.['scope']).toMatchObject({ name: 'others', digest: expect.any(String) })
    expect(recorded[1]?.['scope']).toEqual({ name: 'nothing' })
  })
})

test('the same request twenty times at once is twenty grants, each with its own entry', async () => {
  const before = (await entries()).length
  const body = form(await tokenOf(here, 'agent'))
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(here.url, body)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(new Set(answers.map((answer) => answer.body['access_token'])).size).toBe(20)
  expect((await entries()).length).toBe(before + 20)
})

describe('an entry', () => {
  test('names the request that its answer and its log line name', async () => {
    const answer = await exchange(here.url, form(await tokenOf(here, 'agent')))
    const id = answer.headers.get('x-request-id')
    expect((await entries()).at(-1)?.body['request']).toBe(id)
    expect(here.log()).toContain(`"request":"${id}"`)
  })

  test('of a grant leads to the one before it', async () => {
    const grant = await granted(here)
    await send(`${here.url}/v1/credentials/orders-db`, bearer(grant.token))
    await send(`${here.url}/v1/grants/${grant.id}`, { method: 'DELETE', ...bearer(grant.token) })
    const own = (await entries()).filter(({ body }) => body['grant'] === grant.id)
    expect(own.map(({ body }) => body['kind'])).toEqual([
      'grant.decided',
      'credential.requested',
      'credential.minted',
      'grant.ended',
      'credential.revoked',
    ])
    for (const [position, { body }] of own.entries()) {
      if (position > 0) expect(body['previous']).toBe(own[position - 1]?.index)
    }
  })

  test('holds of the caller’s claims only those that the scope’s rules look at', async () => {
    await exchange(here.url, form(await tokenOf(here, 'agent', { email: 'private@example.com' })))
    const body = (await entries()).at(-1)?.body ?? {}
    expect((body['caller'] as { claims: object }).claims).toEqual({ team: 'orders' })
  })

  test('is there in the proof of a grant, and the checkpoint covers it', async () => {
    const grant = await granted(here)
    const { body } = await send(`${here.url}/v1/grants/${grant.id}/receipts`, bearer(grant.token))
    const [receipt] = body['receipts'] as { index: number; entry: string; receipt: string }[]
    expect(JSON.parse(receipt?.entry ?? '{}')).toMatchObject({
      kind: 'grant.decided',
      grant: grant.id,
    })
    expect(receipt?.receipt).toMatch(/^c2sp\.org\/tlog-proof@v1\n/)
    const { text } = await send(`${here.url}/log/checkpoint`)
    expect(Number(text.split('\n')[1])).toBeGreaterThan(receipt?.index ?? Number.MAX_VALUE)
  })
})

test('the log says to whoever reads it what the API keeps from others: the threat model says so', async () => {
  await exchange(here.url, form(await tokenOf(here, 'stranger', { sub: 'read-by-all' })))
  const last = (await entries()).length
  const { text } = await send(`${here.url}/log/tile/entries/000.p/${last}`)
  expect(text).toContain('read-by-all')
  const model = await readFile('docs/threat-model.md', 'utf8')
  expect(model).toContain('/log/tile/entries')
})

test('a dry run records nothing and mints nothing', async () => {
  const before = (await entries()).length
  const headers = {
    ...bearer(await tokenOf(here, 'agent')).headers,
    'content-type': 'application/json',
  }
  const init = { method: 'POST', headers, body: JSON.stringify(TASK) }
  const { body } = await send(`${here.url}/v1/plans`, init)
  expect(body['decision']).toBe('allow')
  expect((await entries()).length).toBe(before)
})
