import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GRANT_TYPES, TASK_DETAILS_TYPE, TOKEN_TYPES } from '../../src/contract.ts'
import { bearer, send, type World } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { approvalWorld, PURGE, poll, say, show, tokenNow } from './world.ts'

/** A stock OAuth client waits for approval, told nothing but the URL. */
const postgres = testPostgres()
let here: World
let config: client.Configuration

beforeAll(async () => {
  here = await approvalWorld(postgres)
  config = await client.discovery(new URL(here.url), 'any-client', undefined, client.None(), {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  })
}, 60_000)
afterAll(() => here?.close())

type Options = client.DPoPOptions

async function ask(intent: string, options: Options = {}) {
  const answer = client.genericGrantRequest(
    config,
    GRANT_TYPES.exchange,
    {
      subject_token: await tokenNow(here, 'agent'),
      subject_token_type: TOKEN_TYPES.jwt,
      completion_mode: 'deferred',
      authorization_details: JSON.stringify([{ type: TASK_DETAILS_TYPE, ...PURGE, intent }]),
    },
    options,
  )
  return await causeOf(answer)
}

interface Pending {
  readonly error: string
  readonly deferral_code: string
  readonly interval: number
  readonly expires_in: number
  readonly approval: { readonly id: string }
}

/** What the server said, where the client keeps it. */
async function causeOf(answer: Promise<unknown>): Promise<Pending> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof client.ResponseBodyError)) throw error
  return error.cause as unknown as Pending
}

async function pollWith(code: string, parameters: Record<string, string>, options: Options = {}) {
  here.clock.move(6_000)
  const form = { deferral_code: code, ...parameters }
  return await client.genericGrantRequest(config, GRANT_TYPES.deferred, form, options)
}

async function approve(id: string): Promise<void> {
  const plan = String((await show(here, 'ann', id)).body['plan'])
  expect((await say(here, 'ann', { id, plan })).status).toBe(200)
}

async function assertion(): Promise<Record<string, string>> {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await tokenNow(here, 'agent'),
  }
}

describe('openid-client', () => {
  test('finds that the broker takes deferral codes', () => {
    expect(config.serverMetadata().grant_types_supported).toContain(GRANT_TYPES.deferred)
  })

  test('waits with fresh identity tokens, and gets the grant once a person agreed', async () => {
    const waiting = await ask('A stock client waits.')
    expect(waiting).toMatchObject({ error: 'authorization_pending', interval: 5 })
    expect(waiting.expires_in).toBeGreaterThan(3_500)
    const still = await causeOf(pollWith(waiting.deferral_code, await assertion()))
    expect(still.error).toBe('authorization_pending')
    await approve(waiting.approval.id)
    const granted = await pollWith(waiting.deferral_code, await assertion())
    expect(granted.token_type).toBe('bearer')
    const listed = await send(
      `${here.url}/v1/grants/${waiting.approval.id}`,
      bearer(granted.access_token),
    )
    expect([listed.status, listed.body['status']]).toEqual([200, 'live'])
  })

  test('waits with the key of the request alone, and the grant is bound to it', async () => {
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const waiting = await ask('A stock client waits with a key.', { DPoP })
    await approve(waiting.approval.id)
    const granted = await pollWith(waiting.deferral_code, {}, { DPoP })
    expect(granted.token_type).toBe('dpop')
    const stolen = await send(
      `${here.url}/v1/grants/${waiting.approval.id}`,
      bearer(granted.access_token),
    )
    expect(stolen.status).toBe(401)
  })

  test('gets nothing with another key, or with the identity instead of the key', async () => {
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const waiting = await ask('Somebody else has the code.', { DPoP })
    await approve(waiting.approval.id)
    const stolen = await causeOf(pollWith(waiting.deferral_code, {}, { DPoP: other }))
    expect(stolen.error).toBe('invalid_grant')
    const without = await poll(here, waiting.deferral_code)
    expect(without.body['error']).toBe('invalid_grant')
    const granted = await pollWith(waiting.deferral_code, {}, { DPoP })
    expect(granted.access_token).toBeTypeOf('string')
  })
})
