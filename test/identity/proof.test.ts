import { createHash, generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createProofNonces, nonceKey } from '../../src/identity/nonce.ts'
import { createProofVerifier, type ProofOptions } from '../../src/identity/proof.ts'
import { MemoryReplayStore } from '../../src/identity/replay.ts'
import { compact, publicPem, type SigningKey, sign, signingKey } from '../support/issuer.ts'
import { NOW, refusal } from './support.ts'

const SECONDS = NOW.getTime() / 1000
const URL = 'https://broker.test/token'
const clock = { now: () => NOW }

let key: SigningKey
let jwk: JWK
let thumbprint: string

beforeAll(async () => {
  key = await signingKey('ES256')
  const { kid: _kid, use: _use, ...bare } = key.jwk
  jwk = bare
  thumbprint = await calculateJwkThumbprint(jwk)
})

const claims = (over: Record<string, unknown> = {}) => ({
  jti: 'p-1',
  htm: 'POST',
  htu: URL,
  iat: SECONDS,
  ...over,
})

function proof(over: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
  return sign(key, claims(over), { typ: 'dpop+jwt', kid: undefined, jwk, ...header })
}

function verifier(over: Partial<ProofOptions> = {}) {
  return createProofVerifier({ clock, replay: new MemoryReplayStore(clock), ...over })
}

const request = (text: string, over: object = {}) => ({
  proof: text,
  method: 'POST',
  url: URL,
  ...over,
})

test('a sound proof gives the thumbprint of its key', async () => {
  expect(await verifier().verify(request(proof()))).toBe(thumbprint)
})

test('query, fragment, case of the host and a default port do not change the place', async () => {
  const htu = 'HTTPS://Broker.Test:443/token?a=b#c'
  expect(await verifier().verify(request(proof({ htu })))).toBe(thumbprint)
})

test('a proof is good once, for every replica that shares the store', async () => {
  const replay = new MemoryReplayStore(clock)
  expect(await verifier({ replay }).verify(request(proof()))).toBe(thumbprint)
  expect(await refusal(verifier({ replay }).verify(request(proof())))).toBe('proof_invalid')
  expect(await verifier({ replay }).verify(request(proof({ jti: 'p-2' })))).toBe(thumbprint)
})

test('nobody can spend the proof ids of another key', async () => {
  const replay = new MemoryReplayStore(clock)
  const other = await signingKey('ES256')
  const theirs = sign(other, claims(), { typ: 'dpop+jwt', kid: undefined, jwk: other.jwk })
  await verifier({ replay }).verify(request(theirs))
  expect(await verifier({ replay }).verify(request(proof()))).toBe(thumbprint)
})

describe('a proof is refused', () => {
  test.each([
    ['as an ordinary JWT', {}, { typ: 'JWT' }],
    ['without a typ', {}, { typ: undefined }],
    ['with alg none', {}, { alg: 'none' }],
    ['with a shared secret', {}, { alg: 'HS256' }],
    ['without a key', {}, { jwk: undefined }],
    ['with a key that is text', {}, { jwk: 'key' }],
    ['with a symmetric key', {}, { jwk: { kty: 'oct', k: 'c2VjcmV0' } }],
    ['with a key from elsewhere', {}, { jku: 'https://evil.test/jwks' }],
    ['with a certificate', {}, { x5c: ['MIIB'] }],
    ['with a critical extension', {}, { crit: ['b64'], b64: false }],
    ['for another method', { htm: 'GET' }, {}],
    ['for a method in lower case', { htm: 'post' }, {}],
    ['for another path', { htu: 'https://broker.test/v1/plans' }, {}],
    ['for a path with a slash more', { htu: 'https://broker.test/token/' }, {}],
    ['for another host', { htu: 'https://evil.test/token' }, {}],
    ['for another port', { htu: 'https://broker.test:444/token' }, {}],
    ['for plain http', { htu: 'http://broker.test/token' }, {}],
    ['for no URL', { htu: '/token' }, {}],
    ['for a list of URLs', { htu: [URL] }, {}],
    ['without an iat', { iat: undefined }, {}],
    ['with an iat in words', { iat: String(SECONDS) }, {}],
    ['that is old', { iat: SECONDS - 61 }, {}],
    ['that is from the future', { iat: SECONDS + 11 }, {}],
    ['without an id', { jti: undefined }, {}],
    ['with an empty id', { jti: '' }, {}],
    ['with a number for an id', { jti: 7 }, {}],
    ['with a very long id', { jti: 'x'.repeat(257) }, {}],
  ])('%s', async (_name, over, header) => {
    expect(await refusal(verifier().verify(request(proof(over, header))))).toBe('proof_invalid')
  })

  test('that carries the private key, and the refusal does not show it', async () => {
    const secret = String(key.private.export({ format: 'jwk' }).d)
    const text = proof({}, { jwk: { ...jwk, d: secret } })
    const error = await verifier()
      .verify(request(text))
      .catch((cause: unknown) => cause)
    expect(String(error)).toContain('not a public key')
    expect(String(error)).not.toContain(secret)
  })

  test('signed by another key than it shows', async () => {
    const other = await signingKey('ES256')
    const text = sign(other, claims(), { typ: 'dpop+jwt', jwk })
    expect(await refusal(verifier().verify(request(text)))).toBe('proof_invalid')
  })

  test('signed by HMAC with the public key', async () => {
    const header = JSON.stringify({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    const text = compact(header, JSON.stringify(claims()), { hmac: publicPem(key) })
    expect(await refusal(verifier().verify(request(text)))).toBe('proof_invalid')
  })

  test.each(['', 'x', 'a.b.c', 'a'.repeat(20_000)])('that is no token at all', async (text) => {
    expect(await refusal(verifier().verify(request(text)))).toBe('proof_invalid')
  })
})

describe('a grant token bound to a key', () => {
  const accessToken = 'grant.token.text'
  const ath = createHash('sha256').update(accessToken).digest('base64url')

  test('is usable with a proof by that key over that token', async () => {
    const bound = request(proof({ ath }), { accessToken, thumbprint })
    expect(await verifier().verify(bound)).toBe(thumbprint)
  })

  test('is useless to a thief who has no key, or another key', async () => {
    const thief = await signingKey('ES256')
    const own = sign(thief, claims({ ath }), { typ: 'dpop+jwt', jwk: thief.jwk })
    const attempt = verifier().verify(request(own, { accessToken, thumbprint }))
    expect(await refusal(attempt)).toBe('proof_invalid')
  })

  test.each([
    ['of another token', createHash('sha256').update('other').digest('base64url')],
    ['of none', undefined],
    ['of the token itself', accessToken],
  ])('refuses a proof %s', async (_name, wrong) => {
    const attempt = verifier().verify(request(proof({ ath: wrong }), { accessToken, thumbprint }))
    expect(await refusal(attempt)).toBe('proof_invalid')
  })
})

describe('with nonces', () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  const secret = nonceKey(String(pem))
  const nonces = createProofNonces(secret, clock)
  const at = (ms: number) => createProofNonces(secret, { now: () => new Date(NOW.getTime() + ms) })

  test('a proof needs a current one, and the verifier hands it out', async () => {
    const strict = verifier({ nonces })
    expect(await refusal(strict.verify(request(proof())))).toBe('proof_nonce_required')
    expect(await strict.verify(request(proof({ nonce: strict.nonce() })))).toBe(thumbprint)
  })

  test('a proof that lacked one was not spent', async () => {
    const strict = verifier({ nonces })
    await refusal(strict.verify(request(proof())))
    expect(await strict.verify(request(proof({ nonce: nonces.current() })))).toBe(thumbprint)
  })

  test('replicas with the same key accept each other, for five to ten minutes', () => {
    const given = nonces.current()
    expect(createProofNonces(nonceKey(String(pem)), clock).accepts(given)).toBe(true)
    expect(at(5 * 60_000).accepts(given)).toBe(true)
    expect(at(10 * 60_000).accepts(given)).toBe(false)
    expect(at(-5 * 60_000).accepts(given)).toBe(false)
  })

  test.each(['', 'AAAA', 'A'.repeat(22), '%'])('%j is not one', (text) => {
    expect(nonces.accepts(text)).toBe(false)
  })
})
