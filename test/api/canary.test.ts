import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
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

/**
 * Every secret of a busy broker, looked for in everything it writes or answers. A secret may stand
 * in exactly one place: the answer that hands it out.
 */
const postgres = testPostgres()
const secrets = new Map<string, string>()
const answers: string[] = []
let here: World

const AWS_TASK = {
  scope: 'exports',
  environment: 'staging',
  intent: 'Read exports.',
  parameters: { ticket: 'AB-1' },
}

beforeAll(async () => {
  here = await world(postgres)
  secrets.set('admin password', await readFile(here.shop.admin.passwordFile, 'utf8'))
  secrets.set('superuser password', postgres.password)
  for (const who of ['agent', 'other agent', 'stranger', 'ci', 'operator']) {
    secrets.set(`token of ${who}`, await tokenOf(here, who))
  }
  const agent = secrets.get('token of agent') ?? ''
  const orders = await take(agent, TASK)
  const exports = await take(agent, AWS_TASK)
  await fetchAll(orders, exports)
  await everyRefusal(orders)
  await everyReading(orders, exports)
}, 60_000)
afterAll(() => here?.close())

async function take(token: string, task: object): Promise<Granted> {
  const answer = await exchange(here.url, form(token, task))
  const grant = String(answer.body['access_token'])
  secrets.set(`grant token ${secrets.size}`, grant)
  answers.push(answer.text.replace(grant, ''))
  const [details] = answer.body['authorization_details'] as { grant: string }[]
  return { id: details?.grant ?? '', token: grant }
}

/** Keeps an answer, without the secrets that it is there to hand out. */
function keep({ text }: Sent, ...handedOut: string[]): void {
  answers.push(handedOut.reduce((left, secret) => left.replaceAll(secret, ''), text))
}

async function fetchAll(orders: Granted, exports: Granted): Promise<void> {
  const login = await send(`${here.url}/v1/credentials/orders-db`, bearer(orders.token))
  const password = String(login.body['password'])
  secrets.set('login password', password)
  keep(login, password)
  const session = await send(`${here.url}/v1/credentials/exports`, bearer(exports.token))
  const key = String(session.body['SecretAccessKey'])
  const sessionToken = String(session.body['Token'])
  secrets.set('session key', key).set('session token', sessionToken)
  keep(session, key, sessionToken)
}

async function everyRefusal(orders: Granted): Promise<void> {
  const agent = secrets.get('token of agent') ?? ''
  const stranger = secrets.get('token of stranger') ?? ''
  const operator = secrets.get('token of operator') ?? ''
  const tampered = `${agent.slice(0, -8)}AAAAAAAA`
  secrets.set('tampered token', tampered)
  keep(await exchange(here.url, form(stranger)))
  keep(await exchange(here.url, form(tampered)))
  keep(await exchange(here.url, form(orders.token)))
  keep(await exchange(here.url, form(agent, { ...TASK, environment: 'prod' })))
  keep(
    await exchange(
      here.url,
      form(agent, { ...AWS_TASK, parameters: { ticket: 'hunter2-canary' } }),
    ),
  )
  secrets.set('refused parameter in answers and logs', 'hunter2-canary')
  keep(await exchange(here.url, `grant_type=x&subject_token=${agent}`))
  keep(await send(`${here.url}/v1/credentials/orders-db?token=${agent}`, bearer(tampered)))
  keep(await send(`${here.url}/v1/credentials/nothing`, bearer(orders.token)))
  keep(await send(`${here.url}/v1/grants/${agent}`, bearer(operator)))
  keep(await send(`${here.url}/${agent}`))
  here.sts.failNext({ code: 'AccessDenied', message: 'not for you', status: 403, times: 9 })
  const failing = await take(agent, AWS_TASK)
  keep(await send(`${here.url}/v1/credentials/exports`, bearer(failing.token)))
}

async function everyReading(orders: Granted, exports: Granted): Promise<void> {
  const operator = bearer(secrets.get('token of operator') ?? '')
  for (const { id } of [orders, exports]) {
    keep(await send(`${here.url}/v1/grants/${id}`, operator))
    keep(await send(`${here.url}/v1/grants/${id}/receipts`, operator))
    keep(await send(`${here.url}/v1/grants/${id}`, { method: 'DELETE', ...operator }))
  }
  for (const path of [
    '/v1/grants',
    '/v1/scopes',
    '/metrics',
    '/openapi.json',
    '/log/checkpoint',
    '/.well-known/jwks.json',
  ]) {
    keep(await send(here.url + path, operator))
  }
}

function found(text: string): string[] {
  return [...secrets].filter(([, secret]) => text.includes(secret)).map(([name]) => name)
}

test('there was something to find', () => {
  expect(secrets.size).toBeGreaterThan(12)
  for (const secret of secrets.values()) expect(secret.length).toBeGreaterThan(10)
  expect(answers.length).toBeGreaterThan(20)
})

test('no answer holds a secret that it is not there to hand out', () => {
  expect(found(answers.join('\n'))).toEqual([])
})

test('no line of the log holds one', () => {
  expect(here.log()).toContain('token refused')
  expect(found(here.log())).toEqual([])
})

test('no entry and no state of the ledger holds one', async () => {
  const pool = postgres.pool(here.ledgerDatabase)
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  )
  expect(tables.length).toBeGreaterThan(3)
  for (const { name } of tables) {
    const { rows } = await pool.query(`SELECT * FROM ${name}`)
    const text = JSON.stringify(rows, (_key, value: unknown) => {
      if (typeof value !== 'object' || value === null || !('data' in value)) return value
      return Buffer.from(value.data as number[]).toString('latin1')
    })
    // A refused parameter is part of what was asked, and the log says what was asked.
    expect([name, found(text).filter((each) => !each.startsWith('refused'))]).toEqual([name, []])
  }
})

test('what the log keeps of a token is its digest', async () => {
  const grant = await granted(here)
  const { text } = await send(`${here.url}/v1/grants/${grant.id}/receipts`, bearer(grant.token))
  expect(text).toMatch(/\\"token\\":\\"sha256:[0-9a-f]{64}\\"/)
})

test('what PostgreSQL keeps of a password is its verifier, and its log nothing', async () => {
  const { rows } = await postgres.pool().query('SELECT * FROM pg_stat_activity, pg_authid')
  expect(found(JSON.stringify(rows)).filter((name) => name === 'login password')).toEqual([])
})
