import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import * as credentials from '../../src/contract/credentials.ts'
import * as contract from '../../src/contract.ts'
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

/** What is on the wire is exactly what the contract says: nothing missing, nothing more. */
const postgres = testPostgres()
let here: World
let orders: Granted
let exports: Granted

const AWS = { ...TASK, scope: 'exports', parameters: { ticket: 'AB-1' } }

beforeAll(async () => {
  here = await world(postgres)
  orders = await granted(here)
  exports = await granted(here, 'agent', AWS)
}, 60_000)
afterAll(() => here?.close())

const get = (path: string, token: string, init: RequestInit = {}) =>
  send(here.url + path, { ...init, ...bearer(token) })
const agent = () => tokenOf(here, 'agent')
const operator = () => tokenOf(here, 'operator')

async function plan(task: object): Promise<Sent> {
  const headers = { ...bearer(await agent()).headers, 'content-type': 'application/json' }
  return await send(`${here.url}/v1/plans`, { method: 'POST', headers, body: JSON.stringify(task) })
}

const ANSWERS: [string, z.ZodType, () => Promise<Sent>][] = [
  ['a grant', contract.tokenAnswer, async () => await exchange(here.url, form(await agent()))],
  [
    'a grant on AWS',
    contract.tokenAnswer,
    async () => await exchange(here.url, form(await agent(), AWS)),
  ],
  [
    'a denial',
    contract.tokenError,
    async () => await exchange(here.url, form(await tokenOf(here, 'stranger'))),
  ],
  ['a bad token', contract.tokenError, () => exchange(here.url, form('x'))],
  ['a bad form', contract.tokenError, () => exchange(here.url, 'x')],
  ['a plan', contract.planAnswer, () => plan(TASK)],
  ['a plan on AWS', contract.planAnswer, () => plan(AWS)],
  ['a refused plan', contract.planAnswer, () => plan({ ...TASK, environment: 'prod' })],
  ['a login', credentials.postgresCredential, () => get('/v1/credentials/orders-db', orders.token)],
  ['a session', credentials.awsCredential, () => get('/v1/credentials/exports', exports.token)],
  ['a list of grants', contract.grantList, async () => await get('/v1/grants', await operator())],
  ['a live grant', contract.grantDetails, () => get(`/v1/grants/${orders.id}`, orders.token)],
  ['receipts', contract.receiptList, () => get(`/v1/grants/${orders.id}/receipts`, orders.token)],
  ['scopes', contract.scopeList, async () => await get('/v1/scopes', await operator())],
  ['a scope', contract.scopeSummary, async () => await get('/v1/scopes/exports', await agent())],
  ['a refusal', contract.problem, async () => await get('/v1/grants/x', await agent())],
  ['nothing', contract.problem, () => send(`${here.url}/nothing`)],
]

describe('the contract holds for', () => {
  test.each(ANSWERS)('%s', async (_what, schema, ask) => {
    const { body } = await ask()
    expect(schema.parse(body)).toEqual(body)
  })

  test('an end, and a grant that has ended', async () => {
    const grant = await granted(here)
    await get('/v1/credentials/orders-db', grant.token)
    const ended = await get(`/v1/grants/${grant.id}`, grant.token, { method: 'DELETE' })
    expect(contract.endAnswer.parse(ended.body)).toEqual(ended.body)
    const shown = await get(`/v1/grants/${grant.id}`, grant.token)
    expect(contract.grantDetails.parse(shown.body)).toEqual(shown.body)
    expect(shown.body).toMatchObject({ status: 'ended', ended: { cause: 'caller' } })
  })

  test('an AWS client: a refusal has the Code and Message that it shows', async () => {
    const { body } = await get('/v1/credentials/nothing', orders.token)
    expect(body).toMatchObject({
      Code: 'target_unknown',
      Message: expect.stringContaining('nothing'),
    })
  })
})

describe('metrics', () => {
  test('count requests by route, not by whatever path anybody sends', async () => {
    const routes = async () => {
      const { text } = await send(`${here.url}/metrics`)
      return new Set(
        [...text.matchAll(/credctl_request_seconds_count\{route="([^"]*)"/g)].map(
          ([, route]) => route,
        ),
      )
    }
    await Promise.all(Array.from({ length: 30 }, (_, n) => send(`${here.url}/probe-${n}`)))
    await Promise.all(
      Array.from({ length: 30 }, (_, n) => send(`${here.url}/v1/scopes/probe-${n}`)),
    )
    const seen = await routes()
    expect([...seen].filter((route) => route?.includes('probe'))).toEqual([])
    expect(seen.size).toBeLessThan(20)
  })

  test('name no caller, scope, grant or reason in words', async () => {
    const { text } = await send(`${here.url}/metrics`)
    for (const word of ['agent-1', orders.id, 'Look at', 'limited'])
      expect(text).not.toContain(word)
  })
})
