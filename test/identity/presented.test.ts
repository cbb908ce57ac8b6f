import { afterAll, expect, test } from 'vitest'
import { identify } from '../../src/identity/presented.ts'
import { createVerifier } from '../../src/identity/verify.ts'
import { sign, signingKey, startIssuer } from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW, refusal } from './support.ts'

const key = await signingKey()
const [ci, agents] = [await startIssuer(key), await startIssuer(key)]
afterAll(() => Promise.all([ci[Symbol.asyncDispose](), agents[Symbol.asyncDispose]()]))

const verifier = () =>
  createVerifier(
    {
      ci: issuerConfig(ci.url, { replay: 'once' }),
      agents: issuerConfig(agents.url, { replay: 'once', callers: [{ class: 'agent' }] }),
    },
    { clock: { now: () => NOW } },
  )

const jwt = (url: string, over: object = {}) => sign(key, { ...goodClaims(url), ...over })
const subject = (token = jwt(ci.url)) => ({ kind: 'jwt', token }) as const

test('a subject alone is the caller', async () => {
  expect(await identify(verifier(), { subject: subject() })).toMatchObject({ class: 'ci' })
})

test('a subject and an actor are the subject, with the trust of the actor', async () => {
  const actor = jwt(agents.url, { sub: 'agent-7' })
  expect(await identify(verifier(), { subject: subject(), actor })).toMatchObject({
    class: 'agent',
    issuer: 'ci',
    subject: 'repo:acme/web',
    actor: { iss: agents.url, sub: 'agent-7' },
  })
})

test('a request may ask for less trust and not for more', async () => {
  const lowered = await identify(verifier(), { subject: subject(), lowerTo: 'agent' })
  expect(lowered.class).toBe('agent')
  const raised = identify(verifier(), { subject: subject(jwt(agents.url)), lowerTo: 'ci' })
  expect(await refusal(raised)).toBe('caller_not_permitted')
})

test.each([
  ['subject', { subject: subject('x') }],
  ['actor', { subject: subject(), actor: 'x' }],
])('a bad %s is refused', async (_name, presented) => {
  expect(await refusal(identify(verifier(), presented))).toBe('token_malformed')
})

test('subject and actor are both spent', async () => {
  const one = verifier()
  const actor = jwt(agents.url)
  await identify(one, { subject: subject(), actor })
  expect(await refusal(identify(one, { subject: subject() }))).toBe('token_replayed')
  expect(await refusal(identify(one, { subject: subject(actor) }))).toBe('token_replayed')
})

test('a signed AWS request is no JWT and the other way round', async () => {
  const aws = { kind: 'aws-request', token: jwt(ci.url) } as const
  expect(await refusal(identify(verifier(), { subject: aws }))).toBe('token_issuer_unknown')
})
