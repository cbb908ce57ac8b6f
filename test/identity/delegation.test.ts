import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { CALLER_CLASSES, type Caller, type CallerClass } from '../../src/identity/caller.ts'
import { delegate, lowerClass } from '../../src/identity/delegation.ts'
import { createVerifier } from '../../src/identity/verify.ts'
import { sign, signingKey, startIssuer } from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW, refusal } from './support.ts'

const key = await signingKey()
const issuer = await startIssuer(key)
afterAll(() => issuer[Symbol.asyncDispose]())

const caller = (name: CallerClass, over: Partial<Caller> = {}): Caller => ({
  class: name,
  issuer: 'issuer',
  subject: 'someone',
  claims: { iss: 'https://issuer.test' },
  roles: [],
  token: `sha256:${'0'.repeat(64)}`,
  ...over,
})

const attempt = (run: () => unknown) => refusal((async () => run())())

describe('a request', () => {
  test('may lower itself to an agent and then holds no role', () => {
    const human = caller('human', { roles: ['operator'] })
    expect(lowerClass(human, 'agent')).toMatchObject({ class: 'agent', roles: [] })
    expect(human.roles).toEqual(['operator'])
  })

  test('that asks for the class it has changes nothing', () => {
    const human = caller('human', { roles: ['operator'] })
    expect(lowerClass(human, 'human')).toBe(human)
  })

  test.each([
    ['agent', 'local'],
    ['agent', 'ci'],
    ['agent', 'human'],
    ['local', 'workload'],
    ['local', 'ci'],
    ['workload', 'ci'],
    ['ci', 'human'],
    ['human', 'ci'],
    ['ci', 'workload'],
  ] as const)('of class %s cannot make itself %s', async (from, to) => {
    expect(await attempt(() => lowerClass(caller(from), to))).toBe('caller_not_permitted')
  })
})

describe('delegation', () => {
  test('keeps the identity of the subject and names the actor', () => {
    const subject = caller('workload', { subject: 'orchestrator', claims: { team: 'orders' } })
    const actor = caller('agent', { subject: 'agent-7' })
    expect(delegate(subject, actor)).toEqual({
      ...subject,
      class: 'agent',
      actor: { iss: 'https://issuer.test', sub: 'agent-7' },
    })
  })

  test('never gives more trust than either has, and never a role', () => {
    const classes = fc.constantFrom(...CALLER_CLASSES)
    fc.assert(
      fc.property(classes, classes, (a, b) => {
        const both = delegate(caller(a, { roles: ['operator'] }), caller(b, { roles: ['auditor'] }))
        const rank = (name: CallerClass) => CALLER_CLASSES.indexOf(name)
        expect(rank(both.class)).toBe(Math.min(rank(a), rank(b)))
        expect(both.roles).toEqual([])
      }),
    )
  })

  test('records the whole chain, newest first', () => {
    const subject = caller('ci', { actor: { sub: 'first' } })
    const actor = caller('agent', { subject: 'third', actor: { sub: 'second' } })
    expect(delegate(subject, actor).actor).toEqual({
      iss: 'https://issuer.test',
      sub: 'third',
      act: { sub: 'second', act: { sub: 'first' } },
    })
  })

  test('through too many hands is refused', async () => {
    const long = { sub: 'b', act: { sub: 'c', act: { sub: 'd', act: { sub: 'e' } } } }
    const subject = caller('ci', { actor: long })
    expect(await attempt(() => delegate(subject, caller('agent')))).toBe('token_claim_invalid')
  })

  test.each([
    [{ 'may_act/sub': 'agent-7' }, 'accepted'],
    [{ 'may_act/sub': 'agent-7', 'may_act/iss': 'https://issuer.test' }, 'accepted'],
    [{ 'may_act/sub': 'agent-8' }, 'caller_not_permitted'],
    [{ 'may_act/sub': 'agent-7', 'may_act/iss': 'https://other.test' }, 'caller_not_permitted'],
    [{ 'may_act/client_id': 'agent-7' }, 'caller_not_permitted'],
    [{ may_act: 'agent-7' }, 'caller_not_permitted'],
  ])('obeys the may_act of the subject: %j', async (claims, outcome) => {
    const actor = caller('agent', { subject: 'agent-7' })
    expect(await attempt(() => delegate(caller('ci', { claims }), actor))).toBe(outcome)
  })
})

describe('an act claim in a token', () => {
  const verify = (act: unknown) =>
    createVerifier({ ci: issuerConfig(issuer.url, {}) }, { clock: { now: () => NOW } }).verify(
      sign(key, { ...goodClaims(issuer.url), act }),
    )

  test('becomes the actor of the caller', async () => {
    const { actor } = await verify({ sub: 'a', iss: 'https://i.test', act: { sub: 'b', x: 1 } })
    expect(actor).toEqual({ sub: 'a', iss: 'https://i.test', act: { sub: 'b' } })
  })

  test.each([
    'a',
    null,
    [],
    {},
    { sub: '' },
    { sub: 7 },
    { sub: 'a', act: 'b' },
    { sub: 'x'.repeat(1025) },
    { sub: '1', act: { sub: '2', act: { sub: '3', act: { sub: '4', act: { sub: '5' } } } } },
  ])('that does not name actors is refused: %j', async (act) => {
    expect(await refusal(verify(act))).toBe('token_claim_invalid')
  })
})
