import { createHash, randomUUID } from 'node:crypto'
import { type CryptoKey, decodeJwt, exportJWK, SignJWT } from 'jose'
import {
  allowInsecureRequests,
  type Configuration,
  discovery,
  fetchProtectedResource,
  genericGrantRequest,
  getDPoPHandle,
  None,
  randomDPoPKeyPair,
} from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'

/** Actors, classes and possession through a running broker, asked by the stock OAuth client. */

const postgres = testPostgres()
let broker: TestBroker
let client: Configuration

beforeAll(async () => {
  broker = await testBroker(postgres)
  client = await discovery(new URL(broker.url), 'agents', undefined, None(), {
    execute: [allowInsecureRequests],
    algorithm: 'oauth2',
  })
})
afterAll(() => broker?.close())

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

const agent = (over: object = {}) =>
  broker.issuers.agent({
    sub: `agent-${randomUUID()}`,
    jti: randomUUID(),
    team: 'platform',
    ...over,
  })

/** RFC 9396, as the scope `fix-failing-migration` is asked for. */
const details = () => ({
  authorization_details: JSON.stringify([
    {
      type: 'credctl_task',
      scope: 'fix-failing-migration',
      environment: 'staging',
      intent: 'the migration of users fails',
    },
  ]),
})

async function exchange(over: Record<string, string> = {}, options = {}) {
  const subject = { subject_token: await agent(), subject_token_type: JWT }
  return await genericGrantRequest(client, EXCHANGE, { ...subject, ...details(), ...over }, options)
}

/** Grants of this scope are limited to one at a time, so each test gives back what it took. */
async function end(token: string, headers: Record<string, string> = {}) {
  const { jti } = decodeJwt(token)
  const url = `${broker.url}/v1/grants/${jti}`
  const response = await fetch(url, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  return response.status
}

/** The entry of the decision, as it stands in the log. */
async function decisionOf(grant: string): Promise<unknown> {
  const { rows } = await postgres.pool(broker.ledgerDatabase).query(
    `SELECT convert_from(body, 'UTF8')::json AS entry FROM credctl_ledger.entries
        WHERE grant_id = $1 ORDER BY index LIMIT 1`,
    [grant],
  )
  return rows[0].entry
}

const refusedWith = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'accepted',
    (error: { error?: string; cause?: { error?: string } }) => error.error ?? error.cause?.error,
  )

describe('an actor', () => {
  test('is named in the grant token and on the record', async () => {
    const actor = await agent({ sub: 'worker-7' })
    const answer = await exchange({ actor_token: actor, actor_token_type: JWT })
    const named = { iss: broker.issuers.agents, sub: 'worker-7' }
    const { act, jti } = decodeJwt(answer.access_token)
    expect(act).toEqual(named)
    expect(await decisionOf(String(jti))).toMatchObject({ caller: { actor: named } })
    expect(await end(answer.access_token)).toBe(200)
  })

  test.each([
    ['without its type', async () => ({ actor_token: await agent() })],
    ['whose type has no token', async () => ({ actor_token_type: JWT })],
    ['that is no identity', async () => ({ actor_token: 'x', actor_token_type: JWT })],
  ])('%s is refused', async (_name, form) => {
    expect(await refusedWith(exchange(await form()))).toBe('invalid_request')
  })
})

test('an agent cannot ask for a more trusted class', async () => {
  expect(await refusedWith(exchange({ caller_class: 'ci' }))).toBe('access_denied')
  expect(await refusedWith(exchange({ caller_class: 'root' }))).toBe('invalid_request')
})

describe('with DPoP', () => {
  test('a stolen grant token is refused without a proof and with the proof of another key', async () => {
    const DPoP = getDPoPHandle(client, await randomDPoPKeyPair('ES256'))
    const { access_token: stolen } = await exchange({}, { DPoP })
    const url = `${broker.url}/v1/credentials/orders-db`

    const bearer = await fetch(url, { headers: { authorization: `Bearer ${stolen}` } })
    expect(bearer.status).toBe(401)
    expect(bearer.headers.get('www-authenticate')).toContain('DPoP')
    expect(await bearer.json()).toMatchObject({ code: 'proof_invalid' })

    const bare = await fetch(url, { headers: { authorization: `DPoP ${stolen}` } })
    expect(await bare.json()).toMatchObject({ code: 'proof_invalid' })

    const thief = await fetch(url, { headers: await proofHeaders(stolen, url, bare) })
    expect(await thief.json()).toMatchObject({ code: 'proof_invalid' })

    const back = new URL(`${broker.url}/v1/grants/${decodeJwt(stolen).jti}`)
    await fetchProtectedResource(client, stolen, back, 'DELETE', null, undefined, { DPoP })
  })

  test('a proof without a nonce is asked for one and spends nothing', async () => {
    const token = await agent()
    const form = {
      grant_type: EXCHANGE,
      subject_token: token,
      subject_token_type: JWT,
      ...details(),
    }
    const { publicKey, privateKey } = await randomDPoPKeyPair('ES256', { extractable: true })
    const send = async (nonce?: string) =>
      fetch(`${broker.url}/token`, {
        method: 'POST',
        headers: {
          DPoP: await proof(publicKey, privateKey, 'POST', `${broker.url}/token`, { nonce }),
        },
        body: new URLSearchParams(form),
      })
    const first = await send()
    expect(first.status).toBe(400)
    expect(await first.json()).toMatchObject({ error: 'use_dpop_nonce' })
    const nonce = first.headers.get('dpop-nonce')
    expect(nonce).toMatch(/^[\w-]{22}$/)
    const second = await send(String(nonce))
    expect(second.status).toBe(200)
    const { access_token } = (await second.json()) as { access_token: string }
    expect(await end(access_token)).toBe(401)
    const url = `${broker.url}/v1/grants/${decodeJwt(access_token).jti}`
    const ath = createHash('sha256').update(access_token).digest('base64url')
    const response = await fetch(url, {
      method: 'DELETE',
      headers: {
        authorization: `DPoP ${access_token}`,
        DPoP: await proof(publicKey, privateKey, 'DELETE', url, { nonce, ath }),
      },
    })
    expect(response.status).toBe(200)
  })
})

test('a proof is good once, also when it is sent to another replica', async () => {
  const replica = await broker.replica()
  const { publicKey, privateKey } = await randomDPoPKeyPair('ES256', { extractable: true })
  const place = `${broker.url}/token`
  const post = async (to: string, DPoP: string) =>
    fetch(`${to}/token`, {
      method: 'POST',
      headers: { DPoP },
      body: new URLSearchParams({
        grant_type: EXCHANGE,
        subject_token: await agent({ team: 'nobody' }),
        subject_token_type: JWT,
        ...details(),
      }),
    })
  const asked = await post(broker.url, await proof(publicKey, privateKey, 'POST', place, {}))
  const nonce = asked.headers.get('dpop-nonce')
  const good = await proof(publicKey, privateKey, 'POST', place, { nonce })
  const first = await post(broker.url, good)
  expect(await first.json()).toMatchObject({ error: 'access_denied' })
  const second = await post(`http://127.0.0.1:${replica.port}`, good)
  expect(await second.json()).toMatchObject({ error: 'invalid_dpop_proof' })
})

test('a grant token cannot be exchanged for another one', async () => {
  const first = await exchange()
  const again = exchange({ subject_token: first.access_token })
  expect(await refusedWith(again)).toBe('invalid_request')
  expect(await end(first.access_token)).toBe(200)
})

async function proof(
  publicKey: CryptoKey,
  privateKey: CryptoKey,
  htm: string,
  htu: string,
  claims: object,
): Promise<string> {
  const jwk = await exportJWK(publicKey)
  return await new SignJWT({ htm, htu, jti: randomUUID(), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setIssuedAt()
    .sign(privateKey)
}

async function proofHeaders(token: string, url: string, last: Response) {
  const { publicKey, privateKey } = await randomDPoPKeyPair('ES256', { extractable: true })
  const ath = createHash('sha256').update(token).digest('base64url')
  const nonce = last.headers.get('dpop-nonce') ?? undefined
  return {
    authorization: `DPoP ${token}`,
    DPoP: await proof(publicKey, privateKey, 'GET', url, { ath, nonce }),
  }
}
