import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GRANT_TYPES, TASK_DETAILS_TYPE, TOKEN_TYPES } from '../../src/contract.ts'
import { testPostgres } from '../support/postgres.ts'
import { bearer, send, TASK, tokenOf, type World, world } from './world.ts'

/** A stock OAuth client, told nothing but the URL. */
const postgres = testPostgres()
let here: World
let config: client.Configuration

beforeAll(async () => {
  here = await world(postgres)
  config = await client.discovery(new URL(here.url), 'any-client', undefined, client.None(), {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  })
}, 60_000)
afterAll(() => here?.close())

const details = JSON.stringify([{ type: TASK_DETAILS_TYPE, ...TASK }])

describe('openid-client', () => {
  test('finds the token endpoint and what it takes', () => {
    const metadata = config.serverMetadata()
    expect(metadata.issuer).toBe(here.url)
    expect(metadata.token_endpoint).toBe(`${here.url}/token`)
    expect(metadata.grant_types_supported).toEqual(
      expect.arrayContaining(Object.values(GRANT_TYPES)),
    )
    expect(metadata['authorization_details_types_supported']).toEqual([TASK_DETAILS_TYPE])
  })

  test.each([
    [
      'token exchange (RFC 8693)',
      GRANT_TYPES.exchange,
      (token: string) => ({ subject_token: token, subject_token_type: TOKEN_TYPES.jwt }),
    ],
    ['jwt-bearer (RFC 7523)', GRANT_TYPES.bearer, (token: string) => ({ assertion: token })],
  ])('gets a grant token by %s', async (_what, grantType, parameters) => {
    const token = await tokenOf(here, 'agent')
    const answer = await client.genericGrantRequest(config, grantType, {
      ...parameters(token),
      authorization_details: details,
    })
    expect(answer.token_type).toBe('bearer')
    expect(answer.expiresIn()).toBeGreaterThan(890)
    const [granted] = answer.authorization_details ?? []
    expect(granted).toMatchObject({
      type: TASK_DETAILS_TYPE,
      scope: 'orders',
      environment: 'staging',
    })
    const fetched = await send(`${here.url}/v1/credentials/orders-db`, bearer(answer.access_token))
    expect(fetched.status).toBe(200)
  })

  test('gets a grant token bound to its key, with a nonce when it is asked for one (RFC 9449)', async () => {
    const keys = await client.randomDPoPKeyPair('ES256')
    const DPoP = client.getDPoPHandle(config, keys)
    const answer = await client.genericGrantRequest(
      config,
      GRANT_TYPES.exchange,
      {
        subject_token: await tokenOf(here, 'agent'),
        subject_token_type: TOKEN_TYPES.jwt,
        authorization_details: details,
      },
      { DPoP },
    )
    expect(answer.token_type).toBe('dpop')
    const stolen = await send(`${here.url}/v1/credentials/orders-db`, bearer(answer.access_token))
    expect(stolen.status).toBe(401)
    const url = new URL(`${here.url}/v1/credentials/orders-db`)
    const fetched = await client.fetchProtectedResource(
      config,
      answer.access_token,
      url,
      'GET',
      undefined,
      undefined,
      { DPoP },
    )
    expect(fetched.status).toBe(200)
  })

  test('understands a denial as access_denied', async () => {
    const refused = client.genericGrantRequest(config, GRANT_TYPES.exchange, {
      subject_token: await tokenOf(here, 'stranger'),
      subject_token_type: TOKEN_TYPES.jwt,
      authorization_details: details,
    })
    await expect(refused).rejects.toMatchObject({ error: 'access_denied', status: 400 })
  })

  test.each([
    [
      'a bad subject token',
      GRANT_TYPES.exchange,
      { subject_token: 'x', subject_token_type: TOKEN_TYPES.jwt },
      'invalid_request',
    ],
    ['a bad assertion', GRANT_TYPES.bearer, { assertion: 'x' }, 'invalid_grant'],
    ['a grant type nobody has', 'urn:example:nothing', {}, 'unsupported_grant_type'],
  ])('understands the refusal of %s', async (_what, grantType, parameters, error) => {
    const body = { ...parameters, authorization_details: details }
    await expect(client.genericGrantRequest(config, grantType, body)).rejects.toMatchObject({
      error,
    })
  })
})
