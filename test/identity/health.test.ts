import { expect, test } from 'vitest'
import { checkIssuers } from '../../src/identity/health.ts'
import { json, signingKey, startIssuer } from '../support/issuer.ts'
import { issuerConfig } from './support.ts'

const clock = { now: () => new Date() }

test('an issuer in order is told with its keys and its clock', async () => {
  await using issuer = await startIssuer(await signingKey())
  const [health] = await checkIssuers({ ci: issuerConfig(issuer.url, {}) }, { clock })
  expect(health).toEqual({
    issuer: 'ci',
    ok: true,
    problems: [],
    keysAt: `${issuer.url}/jwks`,
    keys: 1,
    clockAhead: expect.any(Number),
  })
})

test('one broken issuer does not hide the others', async () => {
  await using good = await startIssuer(await signingKey())
  const down = issuerConfig('http://127.0.0.1:1', {})
  const health = await checkIssuers({ down, good: issuerConfig(good.url, {}) }, { clock })
  expect(health.map(({ issuer, ok }) => [issuer, ok])).toEqual([
    ['down', false],
    ['good', true],
  ])
  expect(health[0]?.problems[0]).toMatch(/cannot be read: fetch failed: .+/)
})

test('a clock that differs by more than the tolerance is a problem', async () => {
  await using issuer = await startIssuer(await signingKey())
  const late = { now: () => new Date(Date.now() - 120_000) }
  const [health] = await checkIssuers({ ci: issuerConfig(issuer.url, {}) }, { clock: late })
  expect(health?.problems).toEqual([
    expect.stringMatching(/^its clock is 1\d\d s ahead of ours; 30 s/),
  ])
})

test('keys that cannot verify what the issuer may sign are problems', async () => {
  const key = await signingKey()
  const rsa = { algorithms: ['RS256'] }
  await using issuer = await startIssuer(key, key)
  const d = key.private.export({ format: 'jwk' }).d
  const check = async (config: object) =>
    (await checkIssuers({ ci: issuerConfig(issuer.url, { ...config }) }, { clock }))[0]
  expect((await check({}))?.problems).toEqual(['two keys share one id and verify nothing'])
  expect((await check(rsa))?.problems).toContain('no key fits the algorithms RS256')
  issuer.answers.set('/jwks', json({ keys: [{ ...key.jwk, d }] }))
  expect(await check({})).toMatchObject({
    ok: false,
    problems: [expect.stringMatching(/no usable key/)],
  })
})

test('a signed-request issuer has no keys to check', async () => {
  const aws = issuerConfig('https://sts.amazonaws.com', {
    kind: 'aws-signed',
    callers: [{ class: 'workload', claims: { role_id: 'AROAEXAMPLE' } }],
  })
  expect(await checkIssuers({ aws }, { clock })).toEqual([
    { issuer: 'aws', ok: true, problems: [] },
  ])
})
