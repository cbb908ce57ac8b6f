import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Evaluation, evaluate } from '../../src/decision/evaluate.ts'
import { NO_POLICY } from '../../src/decision/policy.ts'
import type { Autonomy } from '../../src/environment/environment.ts'
import { scopeThresholds, thresholds } from '../../src/scope/threshold.ts'
import { callerNamed, environments, scopeNamed } from './world.ts'

interface Rule {
  readonly when: object
  readonly needs?: Record<string, number>
}

interface Case {
  readonly it: string
  readonly caller?: string
  readonly environment?: string
  readonly autonomy?: Autonomy
  /** Verbs on one table. */
  readonly access?: string[]
  /** Actions on the objects of a bucket. */
  readonly actions?: string[]
  readonly thresholds?: Rule[]
  /** The scope's own rules. */
  readonly scope?: Rule[]
  readonly expect: 'allow' | 'deny' | 'needs_approval'
  readonly code?: string
  readonly needs?: Record<string, number>
  readonly rules?: string[]
  readonly life?: number
  readonly reason?: boolean
}

const cases: Case[] = parse(readFileSync(join(import.meta.dirname, 'thresholds.yaml'), 'utf8'))
const NOW = new Date('2026-11-20T12:00:00.000Z')

/** As a file would have them. */
function written(rules: readonly Rule[] = []): object[] {
  return rules.map(({ needs, ...rule }, at) => ({
    name: `rule-${at}`,
    ...rule,
    ...(needs === undefined
      ? {}
      : { needs: Object.entries(needs).map(([group, count]) => ({ group, count })) }),
  }))
}

function answer(question: Case): Evaluation {
  const { access = [], actions = [] } = question
  const found = scopeNamed('backfill', {
    access: {
      ...(access.length === 0
        ? {}
        : {
            db: { postgres: { tables: { 'public.orders': [...new Set(['select', ...access])] } } },
          }),
      ...(actions.length === 0
        ? {}
        : { exports: { aws: [{ do: actions, on: ['arn:aws:s3:::exports/orders/*'] }] } }),
    },
    ...(question.scope === undefined ? {} : { thresholds: written(question.scope) }),
  })
  const name = question.environment ?? 'dev'
  const environment = environments.get(name)
  if (environment === undefined) throw new Error(`no environment ${name}`)
  const { autonomy } = question
  return evaluate(
    { scope: 'backfill', environment: name, intent: 'Ask.', parameters: {} },
    {
      grantId: 'g',
      caller: callerNamed(question.caller ?? 'agent', {}),
      found,
      environment: autonomy === undefined ? environment : { ...environment, autonomy },
      usage: { liveGrants: 0, grantsLastDay: 0 },
      policy: { ...NO_POLICY, thresholds: thresholds.parse(written(question.thresholds)) },
      issuedAt: NOW,
      now: NOW,
    },
  )
}

describe('thresholds', () => {
  test.each(cases.map((each) => [each.it, each] as const))('%s', (_it, question) => {
    const { decision, disclosed } = answer(question)
    expect(decision.outcome).toBe(question.expect)
    if (question.code !== undefined) expect(decision.reasons.at(-1)?.code).toBe(question.code)
    if (decision.outcome !== 'needs_approval') return
    const { requirement, unmet } = decision
    const needs = requirement.needs.map(({ group, count }) => [group, count])
    expect(Object.fromEntries(needs)).toEqual(question.needs)
    expect(unmet).toEqual(requirement.needs)
    expect(disclosed.map(({ code }) => code)).toEqual(['approval_required'])
    if (question.rules !== undefined) expect(requirement.rules).toEqual(question.rules)
    expect(requirement.lifeSeconds).toBe(question.life ?? 3600)
    expect(requirement.reasonRequired).toBe(question.reason ?? false)
    expect(requirement.stepUp).toEqual(question.environment === 'prod' ? [{ max_age: 900 }] : [])
  })

  const ok = { name: 'x', when: { verbs: ['delete'] }, needs: [{ group: 'dba' }] }
  test.each<[string, object[]]>([
    ['without a condition', [{ ...ok, when: {} }]],
    ['with nothing to count', [{ ...ok, when: { more_than: {} } }]],
    ['without an outcome', [{ name: 'x', when: ok.when }]],
    ['with two outcomes', [{ ...ok, refuse: 'Never, for a reason.' }]],
    ['with an approval by nobody', [{ ...ok, needs: [] }]],
    ['with a count of nobody', [{ ...ok, needs: [{ group: 'dba', count: 0 }] }]],
    ['with a group twice', [{ ...ok, needs: [{ group: 'dba' }, { group: 'dba' }] }]],
    ['with an empty list', [{ ...ok, when: { verbs: [] } }]],
    ['with an unknown verb', [{ ...ok, when: { verbs: ['truncate'] } }]],
    ['with an unknown action class', [{ ...ok, when: { action_classes: ['harmless'] } }]],
    ['with an unknown count', [{ ...ok, when: { more_than: { rows: 1 } } }]],
    ['with a count below nothing', [{ ...ok, when: { more_than: { tables: -1 } } }]],
    ['with an end that is none', [{ ...ok, expires: '48h' }]],
    [
      'with an end of a refusal',
      [{ name: 'x', when: ok.when, refuse: 'Never, for a reason.', expires: '1h' }],
    ],
    ['with an end of needs', [{ ...ok, until: '2027-01-01T00:00:00Z' }]],
    [
      'with an end that is no time',
      [{ name: 'x', when: ok.when, allow: 'Fine, for a reason.', until: 'soon' }],
    ],
    ['with a misspelt field', [{ ...ok, need: [] }]],
    ['of a name that is there twice', [ok, ok]],
  ])('cannot be written %s', (_what, rules) => {
    expect(thresholds.safeParse([ok]).success).toBe(true)
    expect(thresholds.safeParse(rules).success).toBe(false)
  })

  test('of a scope know no allow: they only tighten', () => {
    const lifting = { name: 'x', when: ok.when, allow: 'Fine here, for a reason.' }
    expect(thresholds.safeParse([lifting]).success).toBe(true)
    expect(scopeThresholds.safeParse([lifting]).success).toBe(false)
  })
})
