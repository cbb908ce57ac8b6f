import { afterAll, describe, expect, test } from 'vitest'
import { createVerifier } from '../../src/identity/verify.ts'
import { sign, signingKey, startIssuer } from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW, refusal } from './support.ts'

const key = await signingKey()
const issuer = await startIssuer(key)
afterAll(() => issuer[Symbol.asyncDispose]())

function verifier(config: Record<string, unknown> = {}) {
  return createVerifier({ ci: issuerConfig(issuer.url, config) }, { clock: { now: () => NOW } })
}

describe('a sound token', () => {
  test('becomes a caller with the class of its rule and its claims flattened', async () => {
    const payload = { ...goodClaims(issuer.url), nested: { inner: { id: 7 } }, groups: ['a', 'b'] }
    const caller = await verifier().verify(sign(key, payload))
    expect(caller).toMatchObject({
      class: 'ci',
      issuer: 'ci',
      subject: 'repo:acme/web',
      roles: [],
      claims: { repository_id: '81234567', 'nested/inner/id': 7, groups: ['a', 'b'] },
    })
    expect(caller.token).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(Object.isFrozen(caller)).toBe(true)
  })

  test('is accepted up to the tolerance on either side of its life, and not a second more', async () => {
    const iat = NOW.getTime() / 1000
    const at = (seconds: number) => {
      const clock = { now: () => new Date((iat + seconds) * 1000) }
      const config = issuerConfig(issuer.url, {})
      return createVerifier({ ci: config }, { clock }).verify(
        sign(key, { ...goodClaims(issuer.url), iat, exp: iat + 300 }),
      )
    }
    await expect(at(-30)).resolves.toBeDefined()
    await expect(at(329)).resolves.toBeDefined()
    expect(await refusal(at(-31))).toBe('token_not_yet_valid')
    expect(await refusal(at(330))).toBe('token_expired')
  })

  test('may name several audiences only if all of them are this broker', async () => {
    const both = { ...goodClaims(issuer.url), aud: ['https://broker.test', 'https://b.test'] }
    expect(await refusal(verifier().verify(sign(key, both)))).toBe('token_audience_mismatch')
    const config = { audience: ['https://broker.test', 'https://b.test'] }
    await expect(verifier(config).verify(sign(key, both))).resolves.toBeDefined()
  })

  test('with a typ of its own is accepted only where the issuer is configured for it', async () => {
    const token = sign(key, goodClaims(issuer.url), { typ: 'application/oauth-id-jag+jwt' })
    expect(await refusal(verifier().verify(token))).toBe('token_type_refused')
    const strict = verifier({ typ: 'oauth-id-jag+jwt' })
    await expect(strict.verify(token)).resolves.toBeDefined()
    expect(await refusal(strict.verify(sign(key, goodClaims(issuer.url))))).toBe(
      'token_type_refused',
    )
  })
})

test('without issuers nobody is believed', async () => {
  const nobody = createVerifier({}, { clock: { now: () => NOW } })
  const token = sign(key, goodClaims(issuer.url))
  expect(await refusal(nobody.verify(token))).toBe('token_issuer_unknown')
})

test('a key id known to one issuer does not verify tokens of another', async () => {
  const other = await signingKey('ES256', key.kid)
  await using second = await startIssuer(other)
  const both = createVerifier(
    { ci: issuerConfig(issuer.url, {}), agents: issuerConfig(second.url, {}) },
    { clock: { now: () => NOW } },
  )
  await expect(both.verify(sign(other, goodClaims(second.url)))).resolves.toBeDefined()
  expect(await refusal(both.verify(sign(key, goodClaims(second.url))))).toBe(
    'token_signature_invalid',
  )
})

test('a refusal holds neither the token nor the value of a claim', async () => {
  const secret = 'canary-7f3a'
  const payload = { ...goodClaims(issuer.url), repository_id: secret, sub: secret }
  const token = sign(key, payload)
  const error = await verifier()
    .verify(token)
    .catch((cause: unknown) => cause)
  const shown = JSON.stringify([String(error), Object.getOwnPropertyDescriptors(error)])
  expect(shown).toContain('caller_unclassified')
  expect(shown).not.toContain(secret)
  expect(shown).not.toContain(token.split('.')[1])
})
