import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CALLER_CLASSES } from '../../src/identity/caller.ts'
import type { CallerRule } from '../../src/identity/caller-rule.ts'
import { classify } from '../../src/identity/classify.ts'
import { refusal } from './support.ts'

const rule = (name: CallerRule['class'], claims: CallerRule['claims']): CallerRule => ({
  class: name,
  claims,
  roles: undefined,
})

test('what no rule names is refused', async () => {
  const attempt = async () => classify([rule('ci', { team: 'orders' })], { team: 'billing' })
  expect(await refusal(attempt())).toBe('caller_unclassified')
  expect(await refusal((async () => classify([], { team: 'orders' }))())).toBe(
    'caller_unclassified',
  )
})

test('every listed claim must hold, and any one of the values will do', () => {
  const rules = [rule('ci', { team: ['orders', 'web'], ref: 'main' })]
  expect(classify(rules, { team: 'web', ref: 'main' }).class).toBe('ci')
  expect(() => classify(rules, { team: 'web', ref: 'dev' })).toThrow('no rule')
  expect(() => classify(rules, { team: 'web' })).toThrow('no rule')
})

describe('a claim', () => {
  test.each([
    ['of another type', { id: 7 }, { id: '7' }],
    ['that says true in words', { on: true }, { on: 'true' }],
    ['that only starts alike', { ref: 'main' }, { ref: 'main2' }],
    ['in other case', { ref: 'Main' }, { ref: 'main' }],
    ['that every object has', { constructor: 'x' }, {}],
    ['that is a list, for a number', { id: 7 }, { id: ['7'] }],
  ])('%s does not hold', (_name, wanted, claims) => {
    expect(() => classify([rule('ci', wanted as never)], claims as never)).toThrow('no rule')
  })

  test('named like something every object inherits is simply absent', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const wanted = Object.fromEntries([[name, 'x']])
      expect(() => classify([rule('ci', wanted)], {})).toThrow('no rule')
    }
  })

  test('that is a list holds its members', () => {
    expect(classify([rule('ci', { groups: 'b' })], { groups: ['a', 'b'] }).class).toBe('ci')
  })
})

test('the least trusted of the matching rules wins, whatever their order', () => {
  const rules = [rule('human', { a: 1 }), rule('agent', { a: 1 }), rule('ci', { a: 1 })]
  expect(classify(rules, { a: 1 }).class).toBe('agent')
  expect(classify(rules.toReversed(), { a: 1 }).class).toBe('agent')
})

test('every step-up of a matching human rule is asked for, and none of others', () => {
  const named = (claims: CallerRule['claims'], maxAge: number): CallerRule => ({
    class: 'human',
    claims,
    roles: ['operator'],
    step_up: { max_age: maxAge },
  })
  const rules = [
    named({ groups: 'ops' }, 600),
    named({ on_call: true }, 60),
    rule('local', { x: 1 }),
  ]
  expect(classify(rules, { groups: ['ops'], on_call: true }).stepUp).toEqual([
    { max_age: 600 },
    { max_age: 60 },
  ])
  expect(classify(rules, { groups: ['ops'] }).stepUp).toEqual([{ max_age: 600 }])
  expect(classify(rules, { groups: ['ops'], x: 1 })).toEqual({ class: 'local', roles: [] })
})

test('roles come from the human rules that match, once each', () => {
  const rules: CallerRule[] = [
    { class: 'human', claims: { groups: 'ops' }, roles: ['operator', 'auditor'] },
    { class: 'human', claims: { groups: 'leads' }, roles: ['approver', 'auditor'] },
    { class: 'human', claims: { groups: 'other' }, roles: ['operator'] },
  ]
  const { roles } = classify(rules, { groups: ['leads', 'ops'] })
  expect([...roles].sort()).toEqual(['approver', 'auditor', 'operator'])
})

test('a person lowered by another rule loses every role', () => {
  const rules: CallerRule[] = [
    { class: 'human', claims: { groups: 'ops' }, roles: ['operator'] },
    { class: 'local', claims: {}, roles: undefined },
  ]
  expect(classify(rules, { groups: ['ops'] })).toEqual({ class: 'local', roles: [] })
})

test('adding a rule never raises anyone', () => {
  const claims = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y'))
  const rules = fc.array(
    fc.record({
      class: fc.constantFrom(...CALLER_CLASSES),
      claims,
      roles: fc.constant(undefined),
    }),
    { minLength: 1 },
  )
  fc.assert(
    fc.property(rules, rules, claims, (some, more, held) => {
      const before = rank(some, held)
      fc.pre(before !== -1)
      const after = rank([...some, ...more], held)
      expect(after).toBeGreaterThanOrEqual(0)
      expect(after).toBeLessThanOrEqual(before)
    }),
  )
})

function rank(rules: readonly CallerRule[], claims: Record<string, string>): number {
  try {
    return CALLER_CLASSES.indexOf(classify(rules, claims).class)
  } catch {
    return -1
  }
}
