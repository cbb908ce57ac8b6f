import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { createGrantTokens, type GrantClaims } from '../../src/identity/grant-token.ts'
import { sign, signingKey } from '../support/issuer.ts'
import { NOW, refusal } from './support.ts'

const URL = 'https://broker.test'

function pem(type: 'ed25519' | 'rsa' = 'ed25519'): string {
  const { privateKey } =
    type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync(type)
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

const key = pem()
const clock = { now: () => NOW }

const CLAIMS: GrantClaims = {
  grant: '01JD4Z9QK8V6T3M2N1P0R5S7XW',
  subject: 'agent-7',
  client: 'agents',
  scope: 'backfill-order-totals',
  environment: 'staging',
  plan: `sha256:${'ab'.repeat(32)}`,
  issuedAt: NOW,
  expiresAt: new Date(NOW.getTime() + 900_000),
}

const tokens = (over: Partial<Parameters<typeof createGrantTokens>[0]> = {}) =>
  createGrantTokens({ url: URL, keys: [key], clock, ...over })

test('what is issued is what is read back', async () => {
  const full: GrantClaims = {
    ...CLAIMS,
    thumbprint: 'A'.repeat(43),
    actor: { iss: 'agents', sub: 'sub-agent', act: { iss: 'agents', sub: 'tool' } },
  }
  const broker = await tokens()
  expect(await broker.verify(await broker.issue(CLAIMS))).toEqual(CLAIMS)
  expect(await broker.verify(await broker.issue(full))).toEqual(full)
})

test('anyone can verify a grant token with the published keys alone', async () => {
  const broker = await tokens()
  const { payload, protectedHeader } = await jwtVerify(
    await broker.issue(CLAIMS),
    createLocalJWKSet({ keys: [...broker.jwks.keys] }),
    { issuer: URL, audience: URL, typ: 'at+jwt', currentDate: NOW },
  )
  expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: expect.any(String) })
  expect(payload).toMatchObject({ jti: CLAIMS.grant, client_id: 'agents', sub: 'agent-7' })
  expect(JSON.stringify(broker.jwks)).not.toContain('"d"')
})

test('a retired key verifies and does not sign', async () => {
  const before = await (await tokens()).issue(CLAIMS)
  const rotated = await tokens({ keys: [pem(), key] })
  expect(await rotated.verify(before)).toEqual(CLAIMS)
  const after = await rotated.issue(CLAIMS)
  expect(await refusal((await tokens()).verify(after))).toBe('token_signature_invalid')
})

test.each([
  ['text that is no key', 'secret-canary'],
  ['an RSA key', pem('rsa')],
])('%s is refused as a signing key without being quoted', async (_name, text) => {
  const error = await tokens({ keys: [text] }).catch((cause: unknown) => cause)
  expect(String(error)).toContain('not an Ed25519 private key')
  expect(JSON.stringify(Object.getOwnPropertyDescriptors(error))).not.toContain(text.slice(0, 20))
})

describe('a grant token is refused', () => {
  const payload = {
    iss: URL,
    aud: URL,
    sub: 'agent-7',
    client_id: 'agents',
    iat: NOW.getTime() / 1000,
    exp: NOW.getTime() / 1000 + 900,
    jti: CLAIMS.grant,
    scope: 'backfill-order-totals',
    environment: 'staging',
    plan: CLAIMS.plan,
  }

  test.each([
    ['as an ordinary JWT', {}, { typ: 'JWT' }, 'token_type_refused'],
    ['with another algorithm', {}, { alg: 'ES256' }, 'token_algorithm_refused'],
    ['of another broker', { iss: 'https://other.test' }, {}, 'token_issuer_unknown'],
    ['for another broker', { aud: 'https://other.test' }, {}, 'token_audience_mismatch'],
    ['for us and another', { aud: [URL, 'https://other.test'] }, {}, 'token_audience_mismatch'],
    ['after its end', { iat: 1e9, exp: 1e9 + 900 }, {}, 'token_expired'],
    ['with a life of a day', { exp: payload.exp + 86_400 }, {}, 'token_lifetime_too_long'],
    ['under an unknown key', {}, { kid: 'other' }, 'token_signature_invalid'],
    ['without a key id', {}, { kid: undefined }, 'token_signature_invalid'],
    ['signed by somebody else', {}, {}, 'token_signature_invalid'],
  ])('%s', async (_name, claims, header, code) => {
    const broker = await tokens()
    const stranger = await signingKey('EdDSA', broker.jwks.keys[0]?.kid)
    const token = sign(stranger, { ...payload, ...claims }, { typ: 'at+jwt', ...header })
    expect(await refusal(broker.verify(token))).toBe(code)
  })

  test.each([
    ['without a plan', { plan: undefined }],
    ['with a claim that this broker never writes', { admin: true }],
    ['with a grant id that is no ULID', { jti: '1' }],
    ['with a thumbprint that is none', { cnf: { jkt: '*' } }],
  ])('%s, even when this broker signed it', async (_name, claims) => {
    const mine = await signingKey('EdDSA')
    const own = mine.private.export({ type: 'pkcs8', format: 'pem' }).toString()
    const broker = await tokens({ keys: [own] })
    const token = sign(mine, { ...payload, ...claims }, { typ: 'at+jwt' })
    expect(await refusal(broker.verify(token))).toBe('token_claim_invalid')
  })
})
