import { expect, test } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import type { KeySetTimes } from '../../src/identity/key-set.ts'
import { createVerifier } from '../../src/identity/verify.ts'
import {
  type Answer,
  json,
  type SigningKey,
  sign,
  signingKey,
  startIssuer,
  type TestIssuer,
} from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW, refusal } from './support.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const TIMES: KeySetTimes = {
  refreshAfter: 5 * MINUTE,
  maxAge: 10 * MINUTE,
  lastKnownGood: 60 * MINUTE,
  cooldown: 15 * SECOND,
}

/** One issuer, one verifier and a clock that only the test moves. */
async function setup(key: SigningKey, config: Record<string, unknown> = {}, timeoutMs = 10_000) {
  const issuer = await startIssuer(key)
  let now = NOW.getTime()
  const clock: Clock = { now: () => new Date(now) }
  const fetched: string[] = []
  const recording: typeof fetch = (url, init) => {
    fetched.push(String(url))
    return fetch(url, init)
  }
  const verifier = createVerifier(
    { ci: issuerConfig(issuer.url, config) },
    { clock, times: TIMES, timeoutMs, fetch: recording },
  )
  return {
    issuer,
    verifier,
    /** Every URL the verifier asked for, wherever it is. */
    fetched,
    advance: (ms: number) => {
      now += ms
    },
    /** Outcome of a token that is fresh at the test's present. */
    attempt: (with_: SigningKey = key) => {
      const iat = Math.floor(now / 1000)
      return refusal(
        verifier.verify(sign(with_, { ...goodClaims(issuer.url), iat, exp: iat + 300 })),
      )
    },
    keyRequests: () => issuer.requests.filter((path) => path === '/jwks').length,
    [Symbol.asyncDispose]: () => issuer[Symbol.asyncDispose](),
  }
}

function breakKeys(issuer: TestIssuer, answer: Answer) {
  issuer.answers.set('/jwks', answer)
}

test('a hundred concurrent first tokens cost one discovery and one key request', async () => {
  await using world = await setup(await signingKey())
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => world.attempt()))
  expect(new Set(outcomes)).toEqual(new Set(['accepted']))
  expect(world.issuer.requests).toEqual(['/.well-known/openid-configuration', '/jwks'])
})

test('a rotated key is found with one request, and the old key ends when it is withdrawn', async () => {
  const [old, fresh] = [await signingKey(), await signingKey()]
  await using world = await setup(old)
  expect(await world.attempt()).toBe('accepted')
  world.issuer.publish(fresh)
  world.advance(20 * SECOND)
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => world.attempt(fresh)))
  expect(new Set(outcomes)).toEqual(new Set(['accepted']))
  expect(world.keyRequests()).toBe(2)
  expect(await world.attempt(old)).toBe('token_signature_invalid')
})

test('invented key ids cause at most one request per cooldown', async () => {
  const key = await signingKey()
  await using world = await setup(key)
  expect(await world.attempt()).toBe('accepted')
  world.advance(16 * SECOND)
  for (let index = 0; index < 50; index += 1) {
    const invented = { ...key, kid: `invented-${index}` }
    expect(await world.attempt(invented)).toBe('token_signature_invalid')
  }
  expect(world.keyRequests()).toBe(2)
  expect(await world.attempt()).toBe('accepted')
})

test('steady traffic refreshes in the background and never waits', async () => {
  await using world = await setup(await signingKey())
  expect(await world.attempt()).toBe('accepted')
  world.advance(6 * MINUTE)
  breakKeys(world.issuer, () => {
    // never answers
  })
  const started = performance.now()
  expect(await world.attempt()).toBe('accepted')
  expect(performance.now() - started).toBeLessThan(5_000)
  expect(
    world.fetched.filter((url) => url.endsWith('/.well-known/openid-configuration')),
  ).toHaveLength(2)
})

test('a redirect is not followed, not even to keys that would verify', async () => {
  const key = await signingKey()
  await using elsewhere = await startIssuer(key)
  await using world = await setup(key)
  breakKeys(world.issuer, (_request, response) => {
    response.writeHead(302, { location: `${elsewhere.url}/jwks` }).end()
  })
  expect(await world.attempt()).toBe('issuer_keys_unavailable')
  expect(elsewhere.requests).toEqual([])
})

test.each([203, 206])('sound keys under status %d are not believed', async (status) => {
  const key = await signingKey()
  await using world = await setup(key)
  breakKeys(world.issuer, json({ keys: [key.jwk] }, status))
  expect(await world.attempt()).toBe('issuer_keys_unavailable')
})

test('an outage is bridged by the last known good keys for an hour, then refused', async () => {
  await using world = await setup(await signingKey())
  expect(await world.attempt()).toBe('accepted')
  breakKeys(world.issuer, json({ error: 'down' }, 503))
  world.advance(11 * MINUTE)
  expect(await world.attempt()).toBe('accepted')
  expect(world.verifier.keys()['ci']).toMatchObject({ failing: true, keys: 1 })
  world.advance(50 * MINUTE)
  expect(await world.attempt()).toBe('issuer_keys_unavailable')
})

test('after an outage the first token past the cooldown works again', async () => {
  const key = await signingKey()
  await using world = await setup(key)
  breakKeys(world.issuer, json({ error: 'down' }, 503))
  expect(await world.attempt()).toBe('issuer_keys_unavailable')
  world.issuer.publish(key)
  expect(await world.attempt()).toBe('issuer_keys_unavailable')
  expect(world.keyRequests()).toBe(1)
  world.advance(16 * SECOND)
  expect(await world.attempt()).toBe('accepted')
  expect(world.verifier.keys()['ci']).toMatchObject({ failing: false, keys: 1 })
})

test('a clock that was set back asks again instead of trusting keys from the future', async () => {
  await using world = await setup(await signingKey())
  expect(await world.attempt()).toBe('accepted')
  world.advance(-2 * 60 * MINUTE)
  expect(await world.attempt()).toBe('accepted')
  expect(world.keyRequests()).toBe(2)
})

const redirect: Answer = (_request, response) => {
  response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end()
}

const endless: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  const chunk = Buffer.alloc(64 * 1024, ' ')
  const more = () => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

const tenMegabytes: Answer = (_request, response) => {
  const body = `{"keys":[{"kty":"EC","pad":"${'x'.repeat(10 * 1024 * 1024)}"}]}`
  response.writeHead(200, { 'content-length': body.length }).end(body)
}

const slow: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  const timer = setInterval(() => response.write(' '), 20)
  response.on('close', () => clearInterval(timer))
}

const text =
  (body: string): Answer =>
  (_request, response) => {
    response.writeHead(200).end(body)
  }

test.each([
  ['redirects to a metadata address', redirect],
  ['answers 10 MB', tenMegabytes],
  ['never stops answering', endless],
  ['trickles its answer', slow],
  ['answers 500', json({}, 500)],
  ['answers 204', json({}, 204)],
  ['answers nothing', text('')],
  ['answers HTML', text('<html></html>')],
  ['names keys twice', text('{"keys":[],"keys":[]}')],
  ['answers a list', json([])],
  ['answers keys that are not a list', json({ keys: {} })],
  ['has no keys', json({ keys: [] })],
  ['has only a symmetric key', json({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })],
  ['has a thousand keys', json({ keys: Array.from({ length: 1000 }, () => ({ kty: 'EC' })) })],
  ['drops the connection', (_request, response) => response.destroy()],
] satisfies [string, Answer][])('an issuer that %s is not believed', async (_name, answer) => {
  await using world = await setup(await signingKey(), {}, answer === slow ? 300 : 10_000)
  breakKeys(world.issuer, answer)
  expect(await world.attempt()).toBe('issuer_keys_unavailable')
  expect(world.issuer.requests).toEqual(['/.well-known/openid-configuration', '/jwks'])
})

test('a key set that holds the private key of an issuer does not verify with it', async () => {
  const key = await signingKey()
  const d = key.private.export({ format: 'jwk' }).d
  await using world = await setup(key)
  breakKeys(world.issuer, json({ keys: [{ ...key.jwk, d }, (await signingKey()).jwk] }))
  expect(await world.attempt()).toBe('token_signature_invalid')
})

test('two keys under one id verify nothing', async () => {
  const key = await signingKey()
  const twin = await signingKey('ES256', key.kid)
  await using world = await setup(key)
  world.issuer.publish(key, twin)
  expect(await world.attempt()).toBe('token_signature_invalid')
})

test.each([
  ['another issuer', (url: string) => ({ issuer: 'https://evil.test', jwks_uri: `${url}/jwks` })],
  ['the issuer with a slash', (url: string) => ({ issuer: `${url}/`, jwks_uri: `${url}/jwks` })],
  ['the issuer in a list', (url: string) => ({ issuer: [url], jwks_uri: `${url}/jwks` })],
  ['no issuer', (url: string) => ({ jwks_uri: `${url}/jwks` })],
  ['no key URL', (url: string) => ({ issuer: url })],
  ['a key URL that is a list', (url: string) => ({ issuer: url, jwks_uri: [`${url}/jwks`] })],
  ['a plain http key URL', (url: string) => ({ issuer: url, jwks_uri: 'http://keys.test/jwks' })],
  ['a metadata address', (url: string) => ({ issuer: url, jwks_uri: 'https://169.254.169.254/x' })],
  [
    'a metadata address in hex',
    (url: string) => ({ issuer: url, jwks_uri: 'https://0xa9fea9fe/x' }),
  ],
  ['an IPv6 address', (url: string) => ({ issuer: url, jwks_uri: 'https://[fd00:ec2::254]/x' })],
  [
    'another port of this host',
    (url: string) => ({ issuer: url, jwks_uri: 'http://127.0.0.1:1/x' }),
  ],
  ['plain http at a host', (url: string) => ({ issuer: url, jwks_uri: 'http://keys.example/x' })],
  [
    'a name that is loopback',
    (url: string) => ({ issuer: url, jwks_uri: 'https://a.localhost/x' }),
  ],
  ['localhost', (url: string) => ({ issuer: url, jwks_uri: 'https://localhost/x' })],
  ['a file', (url: string) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' })],
])('a discovery document that names %s is refused', async (_name, document) => {
  await using world = await setup(await signingKey())
  const path = '/.well-known/openid-configuration'
  world.issuer.answers.set(path, json(document(world.issuer.url)))
  expect(await world.attempt()).toBe('issuer_keys_unavailable')
  expect(world.fetched).toEqual([`${world.issuer.url}${path}`])
})

test('a configured key URL is used without discovery', async () => {
  const key = await signingKey()
  await using elsewhere = await startIssuer(key)
  await using world = await setup(key, { jwks_url: `${elsewhere.url}/jwks` })
  expect(await world.attempt()).toBe('accepted')
  expect(world.issuer.requests).toEqual([])
})
