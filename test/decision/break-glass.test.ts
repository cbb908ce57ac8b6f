import { describe, expect, test } from 'vitest'
import type { Evidence } from '../../src/decision/approval.ts'
import { type Circumstances, evaluate } from '../../src/decision/evaluate.ts'
import { NO_POLICY, type Policy } from '../../src/decision/policy.ts'
import { schedulesOf } from '../../src/environment/schedule.ts'
import { freezeSchema } from '../../src/environment/window.ts'
import { callerNamed, environments, scopeNamed } from './world.ts'

const NOW = new Date('2026-11-20T12:00:00.000Z')
const POLICY: Policy = { ...NO_POLICY, breakGlass: { group: 'approvers', ttl: 300 } }

const freeze = freezeSchema.parse({
  environments: ['dev'],
  zone: 'UTC',
  from: '2026-11-20T00:00',
  to: '2026-11-21T00:00',
  reason: 'Nothing moves today.',
})
const frozen = schedulesOf(
  {
    windows: {},
    calendars: {},
    freezes: { today: freeze },
    environments: { dev: { windows: [] } },
  },
  new Map(),
).get('dev')

function decided(breakGlass: boolean, change: Partial<Circumstances> = {}, scope: object = {}) {
  const environment = environments.get('dev')
  if (environment === undefined || frozen === undefined) throw new Error('no environment')
  const ask = { scope: 'backfill', environment: 'dev', intent: 'Now.', parameters: {}, breakGlass }
  const { decision } = evaluate(ask, {
    grantId: 'g',
    caller: callerNamed('human', {}),
    found: scopeNamed('backfill', { ...scope }),
    environment: { ...environment, schedule: frozen },
    usage: { liveGrants: 0, grantsLastDay: 0 },
    policy: POLICY,
    issuedAt: NOW,
    now: NOW,
    ...change,
  })
  return decision
}

const codes = (decision: ReturnType<typeof decided>) => decision.reasons.map(({ code }) => code)

describe('an emergency', () => {
  test('lifts a freeze, with another person and for its own short time', () => {
    expect(codes(decided(false))).toEqual(['frozen'])
    const waiting = decided(true)
    if (waiting.outcome !== 'needs_approval') throw new Error(waiting.outcome)
    expect(waiting.requirement).toMatchObject({
      rules: ['break-glass'],
      reasonRequired: true,
      stepUp: [{ max_age: 900 }],
    })
    const { plan } = evaluatePlan()
    const approval: Evidence = {
      binding: waiting.binding,
      expires: new Date(NOW.getTime() + 3_600_000),
      verdicts: [
        {
          verdict: 'approve',
          by: { class: 'human', issuer: 'people', subject: 'ann', claims: {} },
          group: 'approvers',
          plan,
          at: NOW,
        },
      ],
    }
    const allowed = decided(true, { approval })
    if (allowed.outcome !== 'allow') throw new Error(JSON.stringify(allowed.reasons))
    expect(allowed.grant.expiresAt).toEqual(new Date(NOW.getTime() + 300_000))
    // What was approved as an emergency is nothing without one.
    expect(decided(false, { approval }).outcome).toBe('deny')
  })

  test('lifts no limit and no invariant', () => {
    const used = { usage: { liveGrants: 1, grantsLastDay: 1 } }
    expect(codes(decided(true, used, { limits: { live_grants: 1 } }))).toEqual([
      'too_many_live_grants',
    ])
    const agent = { caller: callerNamed('agent', {}), environment: environments.get('prod') }
    expect(codes(decided(true, agent))).toEqual(['prod_for_agent_or_local'])
    expect(codes(decided(true, { caller: callerNamed('agent', {}) }))).toEqual([
      'break_glass_refused',
    ])
    expect(codes(decided(true, { policy: NO_POLICY }))).toEqual(['break_glass_refused'])
    expect(codes(decided(true, { policy: undefined }))).toEqual(['break_glass_refused'])
  })
})

function evaluatePlan() {
  const environment = environments.get('dev')
  const ask = { scope: 'backfill', environment: 'dev', intent: 'Now.', parameters: {} }
  const { plan } = evaluate(ask, {
    grantId: 'g',
    caller: callerNamed('human', {}),
    found: scopeNamed('backfill', {}),
    environment,
    usage: { liveGrants: 0, grantsLastDay: 0 },
    issuedAt: NOW,
    now: NOW,
  })
  if (plan === undefined) throw new Error('no plan')
  return { plan: plan.digest }
}
