import { afterAll, expect, test } from 'vitest'
import { inspectToken } from '../../src/identity/inspect.ts'
import { MemoryReplayStore } from '../../src/identity/replay.ts'
import { createVerifier } from '../../src/identity/verify.ts'
import { sign, signingKey, startIssuer } from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW } from './support.ts'

const key = await signingKey()
const issuer = await startIssuer(key)
afterAll(() => issuer[Symbol.asyncDispose]())

const clock = { now: () => NOW }

function parts() {
  const issuers = {
    github: issuerConfig(issuer.url, {
      kind: 'github',
      algorithms: ['ES256'],
      callers: [
        { class: 'ci', claims: { repository_id: '81234567', ref: 'refs/heads/main' } },
        { class: 'agent', claims: { repository_id: '81234567', actor_id: '7' } },
      ],
    }),
  }
  const replay = new MemoryReplayStore(clock)
  return { issuers, clock, verifier: createVerifier(issuers, { clock, replay }) }
}

const PUSH = { event_name: 'push', ref: 'refs/heads/main', actor_id: 'canary-value' }

test('an accepted token is told with its issuer, its rules and its class', async () => {
  const token = sign(key, { ...goodClaims(issuer.url), ...PUSH })
  const found = await inspectToken(token, parts())
  expect(found).toMatchObject({
    accepted: true,
    issuer: { name: 'github', kind: 'github', replay: 'once' },
    header: { alg: 'ES256', typ: 'JWT', kid: true },
    lifetimeSeconds: 300,
    expiresInSeconds: 290,
    class: 'ci',
    rules: [
      { rule: 0, class: 'ci', matches: true, unmet: [] },
      { rule: 1, class: 'agent', matches: false, unmet: ['actor_id'] },
    ],
  })
  expect(found.refusal).toBeUndefined()
})

test('looking at a single-use token does not spend it', async () => {
  const token = sign(key, { ...goodClaims(issuer.url), ...PUSH })
  const same = parts()
  await inspectToken(token, same)
  await expect(same.verifier.verify(token, { spend: true })).resolves.toBeDefined()
})

test('what its kind refuses by default is named as an unmet claim', async () => {
  const token = sign(key, { ...goodClaims(issuer.url), ...PUSH, event_name: 'pull_request_target' })
  const found = await inspectToken(token, parts())
  expect(found).toMatchObject({
    accepted: false,
    refusal: { code: 'caller_unclassified', hint: expect.stringMatching(/event_name/) },
    rules: [{ unmet: ['event_name'] }, { unmet: ['event_name', 'actor_id'] }],
  })
})

test('the sign of an agent is told even where the rules say ci', async () => {
  const token = sign(key, { ...goodClaims(issuer.url), ...PUSH, actor: 'claude[bot]' })
  expect(await inspectToken(token, parts())).toMatchObject({
    class: 'agent',
    agentSign: 'actor is a coding agent',
  })
})

test.each([
  ['text', 'hello', 'token_malformed'],
  ['an expired token', { iat: 1, exp: 2 }, 'token_expired'],
  ['a stranger', { iss: 'https://evil.test' }, 'token_issuer_unknown'],
  ['a claim given twice over', { 'a/b': 1, a: { b: 2 } }, 'token_claim_invalid'],
])('%s is explained as far as it goes', async (_name, over, code) => {
  const token =
    typeof over === 'string' ? over : sign(key, { ...goodClaims(issuer.url), ...PUSH, ...over })
  expect(await inspectToken(token, parts())).toMatchObject({ accepted: false, refusal: { code } })
})

test('neither the token nor the value of a claim is in what is told', async () => {
  for (const over of [{}, { iss: 'https://evil.test/canary-value' }, { sub: 'canary-value' }]) {
    const token = sign(key, { ...goodClaims(issuer.url), ...PUSH, ...over })
    const told = JSON.stringify(await inspectToken(token, parts()))
    expect(told).not.toContain('canary-value')
    expect(told).not.toContain(token.split('.')[1])
    expect(told).not.toContain(token.split('.')[2])
  }
})
