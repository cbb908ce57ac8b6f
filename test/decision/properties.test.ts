import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Circumstances, type Evaluation, evaluate } from '../../src/decision/evaluate.ts'
import { CALLER_CLASSES, type Caller } from '../../src/identity/caller.ts'
import type { AllowRule } from '../../src/scope/scope.ts'
import { callerNamed, environments, scopeNamed } from './world.ts'

const NOW = new Date('2026-11-20T12:00:00Z')

/** Few values, so that rules and callers meet by chance. */
const value = fc.constantFrom<string | number | boolean>('a', 'b', '', 1, 0, true, false)
const claimName = fc.constantFrom('team', 'constructor', 'toString', 'sub', 'x/y')
const claims = fc.dictionary(claimName, value, { maxKeys: 3 })
const issuer = fc.constantFrom('agents', 'others')
const callerClass = fc.constantFrom(...CALLER_CLASSES)

const rule: fc.Arbitrary<AllowRule> = fc.record({
  caller: callerClass,
  issuer,
  claims: fc.dictionary(claimName, value, { minKeys: 1, maxKeys: 2 }),
})
const rules = fc.array(rule, { maxLength: 4 })
const environmentNames = fc.subarray(['dev', 'staging', 'prod', 'empty'], { minLength: 1 })
const caller = fc
  .record({ class: callerClass, issuer, claims })
  .map((known) => callerNamed('agent', known))

interface World {
  readonly allow: readonly AllowRule[]
  readonly environments: readonly string[]
}

function ask(world: World, who: Caller, environment: string): Evaluation {
  const found = scopeNamed('backfill', { environments: world.environments })
  if (found === undefined) throw new Error('no scope')
  const circumstances: Circumstances = {
    grantId: 'g',
    caller: who,
    found: { ...found, scope: { ...found.scope, allow: [...world.allow] } },
    environment: environments.get(environment),
    usage: { liveGrants: 0, grantsLastDay: 0 },
    issuedAt: NOW,
    now: NOW,
  }
  const question = { scope: 'backfill', environment, intent: 'Look.', parameters: {} }
  return evaluate(question, circumstances)
}

/** Written again, the slow way: is this caller in the rule's words? */
function names({ caller: wanted, issuer: by, claims: listed }: AllowRule, who: Caller): boolean {
  if (wanted !== who.class || by !== who.issuer) return false
  const has = new Map(Object.entries(who.claims))
  return Object.entries(listed).every(([name, each]) => has.has(name) && has.get(name) === each)
}

const allowed = (evaluation: Evaluation) => evaluation.decision.outcome === 'allow'
const where = fc.constantFrom('dev', 'staging', 'prod', 'empty', 'nowhere', 'constructor')

describe('whatever the rules and the caller', () => {
  test('nobody is allowed whom no rule names, nor where the scope does not say', () => {
    fc.assert(
      fc.property(rules, environmentNames, caller, where, (allow, listed, who, environment) => {
        const evaluation = ask({ allow, environments: listed }, who, environment)
        const harmless = who.class !== 'agent' && who.class !== 'local'
        const expected =
          allow.some((each) => names(each, who)) &&
          listed.includes(environment) &&
          (environment === 'dev' ||
            environment === 'staging' ||
            (environment === 'prod' && harmless))
        expect(allowed(evaluation)).toBe(expected)
      }),
      { numRuns: 1500 },
    )
  })

  test('a rule more takes nothing away, and gives nothing to whom it does not name', () => {
    fc.assert(
      fc.property(rules, rule, caller, where, (allow, extra, who, environment) => {
        const world = { allow, environments: ['dev', 'staging', 'prod'] }
        const before = allowed(ask(world, who, environment))
        const after = allowed(ask({ ...world, allow: [...allow, extra] }, who, environment))
        if (before) expect(after).toBe(true)
        if (after && !before) expect(names(extra, who)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('a rule less gives nothing', () => {
    fc.assert(
      fc.property(rules, fc.nat(), caller, where, (allow, at, who, environment) => {
        const less = allow.filter((_rule, index) => index !== at % Math.max(allow.length, 1))
        const world = { environments: ['dev', 'staging', 'prod'] }
        const after = allowed(ask({ ...world, allow: less }, who, environment))
        if (after) expect(allowed(ask({ ...world, allow }, who, environment))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('an environment more gives nothing elsewhere', () => {
    fc.assert(
      fc.property(rules, environmentNames, caller, where, (allow, listed, who, environment) => {
        const more = [...new Set([...listed, 'dev'])]
        const before = allowed(ask({ allow, environments: listed }, who, environment))
        const after = allowed(ask({ allow, environments: more }, who, environment))
        if (environment === 'dev') expect(after || !before).toBe(true)
        else expect(after).toBe(before)
      }),
      { numRuns: 500 },
    )
  })

  test('the order of the rules decides nothing', () => {
    const shuffled = rules.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    )
    fc.assert(
      fc.property(shuffled, caller, where, ([allow, other], who, environment) => {
        const world = { environments: ['dev', 'prod'] }
        const one = ask({ ...world, allow }, who, environment)
        const two = ask({ ...world, allow: other }, who, environment)
        expect(two.decision.outcome).toBe(one.decision.outcome)
      }),
      { numRuns: 300 },
    )
  })

  test('the same question has the same answer, to the byte', () => {
    fc.assert(
      fc.property(rules, environmentNames, caller, where, (allow, listed, who, environment) => {
        const world = { allow, environments: listed }
        expect(JSON.stringify(ask(world, who, environment))).toBe(
          JSON.stringify(ask(world, who, environment)),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('every denial says why, and only an allowance carries a grant', () => {
    fc.assert(
      fc.property(rules, environmentNames, caller, where, (allow, listed, who, environment) => {
        const { decision, disclosed } = ask({ allow, environments: listed }, who, environment)
        expect(decision.reasons.length).toBeGreaterThan(0)
        expect(disclosed.length).toBeGreaterThan(0)
        expect('grant' in decision).toBe(decision.outcome === 'allow')
      }),
      { numRuns: 300 },
    )
  })
})

test('what was allowed cannot be changed before it is minted', () => {
  const agent = callerNamed('agent', {})
  const rule = { caller: 'agent', issuer: 'agents', claims: { team: 'orders' } } as const
  const { decision } = ask({ allow: [rule], environments: ['dev'] }, agent, 'dev')
  if (decision.outcome !== 'allow') throw new Error('not allowed')
  const { grant } = decision
  expect(() => Object.assign(grant, { expiresAt: new Date(0) })).toThrow(TypeError)
  expect(() => Object.assign(grant.plan, { environmentClass: 'nonprod' })).toThrow(TypeError)
  expect(() => Object.assign(grant.plan.targets, { other: {} })).toThrow(TypeError)
  const target = grant.plan.targets['db']
  if (target?.kind !== 'postgres') throw new Error('not a database')
  expect(() => Object.assign(target.relations[0] ?? {}, { table: 'users' })).toThrow(TypeError)
  expect(() => Object.assign(target.statements, { 0: 'GRANT ALL' })).toThrow(TypeError)
  // Dates cannot be frozen: what the grant says of its end must not be the caller's own object.
  const end = grant.expiresAt.getTime()
  NOW.setTime(NOW.getTime() + 1000)
  expect(grant.expiresAt.getTime()).toBe(end)
  NOW.setTime(NOW.getTime() - 1000)
})
