import { describe, expect, test } from 'vitest'
import { type Ask, evaluate } from '../../src/decision/evaluate.ts'
import type { Caller } from '../../src/identity/caller.ts'
import type { CatalogScope } from '../../src/scope/catalog.ts'
import { callerNamed, environments, scopeNamed } from './world.ts'

const NOW = new Date('2026-11-20T12:00:00Z')
const NOTHING = { liveGrants: 0, grantsLastDay: 0 }

interface Situation {
  readonly scope?: CatalogScope | undefined
  readonly environment?: string
  readonly parameters?: Record<string, string>
  readonly intent?: string
  readonly usage?: typeof NOTHING
}

/** The same words are asked for in every situation: only the world differs. */
function disclosed(caller: Caller, situation: Situation) {
  const ask: Ask = {
    scope: 'filled',
    environment: 'here',
    intent: situation.intent ?? 'Look.',
    parameters: situation.parameters ?? { ticket: 'AB-1' },
  }
  const here = environments.get(situation.environment ?? '')
  return evaluate(ask, {
    grantId: 'g',
    caller,
    found: situation.scope,
    environment: here === undefined ? undefined : { ...here, name: 'here' },
    usage: situation.usage ?? NOTHING,
    issuedAt: NOW,
    now: NOW,
  }).disclosed
}

const listed = { environments: ['here'] }
const SITUATIONS: Record<string, Situation> = {
  'a scope that does not exist': { environment: 'dev' },
  'a scope and an environment that do not exist': {},
  'a scope that does not list the environment': {
    scope: scopeNamed('filled', {}),
    environment: 'dev',
  },
  'an environment that does not exist': { scope: scopeNamed('filled', listed) },
  'a scope that names others': { scope: scopeNamed('filled', listed), environment: 'dev' },
  'an environment that is prod': { scope: scopeNamed('filled', listed), environment: 'prod' },
  'an environment without the target': {
    scope: scopeNamed('filled', listed),
    environment: 'empty',
  },
  'a parameter that is refused': {
    scope: scopeNamed('filled', listed),
    environment: 'dev',
    parameters: { ticket: '*' },
  },
  'a parameter that does not exist': {
    scope: scopeNamed('filled', listed),
    environment: 'dev',
    parameters: { other: 'x' },
  },
  'an intent that is missing': {
    scope: scopeNamed('filled', listed),
    environment: 'dev',
    intent: ' ',
  },
  'limits that are used up': {
    scope: scopeNamed('filled', { ...listed, limits: { live_grants: 1 } }),
    environment: 'dev',
    usage: { liveGrants: 1, grantsLastDay: 1 },
  },
}

describe('a caller that no rule names hears the same of', () => {
  const stranger = callerNamed('stranger', {})
  const words = disclosed(stranger, {})

  test.each(Object.entries(SITUATIONS))('%s', (_what, situation) => {
    expect(disclosed(stranger, situation)).toEqual(words)
  })

  test('nothing but its own words', () => {
    expect(words).toEqual([
      {
        code: 'scope_unknown',
        message: 'no scope "filled" is available to this caller in "here"',
      },
    ])
  })
})

describe('a caller that a rule names hears its own reason of', () => {
  const agent = callerNamed('agent', {})
  const CODES = {
    'a scope that does not list the environment': 'environment_not_in_scope',
    'an environment that does not exist': 'environment_unknown',
    'an environment that is prod': 'prod_for_agent_or_local',
    'an environment without the target': 'plan_refused',
    'a parameter that is refused': 'plan_refused',
    'an intent that is missing': 'intent_missing',
    'limits that are used up': 'too_many_live_grants',
  }
  test.each(Object.entries(CODES))('%s', (what, code) => {
    expect(disclosed(agent, SITUATIONS[what] ?? {}).map((reason) => reason.code)).toEqual([code])
  })

  test('an environment that its scope does not list, whether or not it exists', () => {
    const scope = scopeNamed('filled', {})
    expect(disclosed(agent, { scope, environment: 'prod' })).toEqual(disclosed(agent, { scope }))
  })
})

describe('no reason repeats', () => {
  const agent = callerNamed('agent', {})
  const scope = scopeNamed('filled', listed)

  test('the value of a parameter: it may be hostile, or a secret', () => {
    const parameters = { ticket: 'hunter2' }
    const reasons = disclosed(agent, { scope, environment: 'dev', parameters })
    expect(JSON.stringify(reasons)).not.toContain('hunter2')
  })

  test('the value that a claim should have', () => {
    const narrow = scopeNamed('filled', {
      ...listed,
      allow: [
        { caller: 'agent', issuer: 'agents', claims: { team: 'orders' } },
        { caller: 'ci', issuer: 'github', claims: { repository_id: 'hunter2' } },
      ],
    })
    const ask = { scope: 'filled', environment: 'here', intent: 'x', parameters: { ticket: 'A-1' } }
    const circumstances = { grantId: 'g', found: narrow, usage: NOTHING, issuedAt: NOW, now: NOW }
    const dev = environments.get('dev')
    const environment = dev === undefined ? undefined : { ...dev, name: 'here' }
    const caller = callerNamed('ci', { claims: { repository_id: '1' } })
    const { decision } = evaluate(ask, { ...circumstances, caller, environment })
    expect(decision.reasons[0]?.message).toContain('repository_id')
    expect(JSON.stringify(decision)).not.toContain('hunter2')
  })

  test('a long name of the caller in full, nor its control characters', () => {
    const name = `${'x'.repeat(100)}\u001b[31m`
    const ask = { scope: name, environment: name, intent: 'x', parameters: {} }
    const { decision, disclosed: words } = evaluate(ask, {
      grantId: 'g',
      caller: agent,
      found: undefined,
      environment: undefined,
      usage: NOTHING,
      issuedAt: NOW,
      now: NOW,
    })
    const text = [...decision.reasons, ...words].map(({ message }) => message).join()
    expect(text).not.toMatch(/x{65}|\p{Cc}/u)
  })
})
