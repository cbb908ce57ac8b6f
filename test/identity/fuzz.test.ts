import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { createVerifier } from '../../src/identity/verify.ts'
import { sign, signingKey, startIssuer } from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW, refusal } from './support.ts'

const key = await signingKey()
const issuer = await startIssuer(key)
afterAll(() => issuer[Symbol.asyncDispose]())

const verifier = createVerifier({ ci: issuerConfig(issuer.url, {}) }, { clock: { now: () => NOW } })
const token = sign(key, goodClaims(issuer.url))
const outcome = (text: string) => refusal(verifier.verify(text))

const position = fc.nat(token.length - 1)
const character = fc.constantFrom(...'AZaz09-_.=+/ \n"{}é')

test('no change of one character of a good token makes another good token', async () => {
  await fc.assert(
    fc.asyncProperty(position, character, async (at, other) => {
      fc.pre(token[at] !== other)
      const changed = token.slice(0, at) + other + token.slice(at + 1)
      expect(await outcome(changed)).toMatch(/^token_/)
    }),
    { numRuns: 500 },
  )
})

test('nothing cut out of a good token and nothing put into it leaves it good', async () => {
  await fc.assert(
    fc.asyncProperty(position, fc.nat(40), fc.string(), async (at, count, extra) => {
      const changed = token.slice(0, at) + extra + token.slice(at + count)
      fc.pre(changed !== token)
      expect(await outcome(changed)).toMatch(/^token_/)
    }),
    { numRuns: 500 },
  )
})

test('any text at all is refused in our own words', async () => {
  const part = fc.oneof(
    fc.base64String(),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.tuple(part, part, part).map((all) => all.join('.')),
  )
  await fc.assert(
    fc.asyncProperty(text, async (any) => {
      expect(await outcome(any)).toMatch(/^token_/)
    }),
    { numRuns: 500 },
  )
})

test('any claims that the issuer signs give a caller or a refusal, never a crash', async () => {
  const names = fc.constantFrom(
    'iss',
    'aud',
    'sub',
    'exp',
    'iat',
    'nbf',
    'jti',
    'act',
    'repository_id',
    '__proto__',
    'constructor',
  )
  const extra = fc.dictionary(fc.oneof(names, fc.string()), fc.jsonValue({ maxDepth: 3 }), {
    maxKeys: 4,
  })
  await fc.assert(
    fc.asyncProperty(extra, async (claims) => {
      const signed = sign(key, { ...goodClaims(issuer.url), ...claims })
      expect(await outcome(signed)).toMatch(/^(accepted|token_|caller_unclassified)/)
    }),
    { numRuns: 500 },
  )
})
