import { digestOf } from '../src/canonical.ts'
import { requireConfig } from '../src/config.ts'
import { decide } from '../src/decision/decide.ts'
import { evaluate } from '../src/decision/evaluate.ts'
import { NO_POLICY } from '../src/decision/policy.ts'
import type { DecisionRequest } from '../src/decision/request.ts'
import { ALWAYS, type Schedule, schedulesOf } from '../src/environment/schedule.ts'
import { windowSchema } from '../src/environment/window.ts'
import type { Caller } from '../src/identity/caller.ts'
import { planScope } from '../src/plan/plan.ts'
import { loadCatalog } from '../src/scope/catalog.ts'
import { against, type Row, rowOf } from './row.ts'

const CALLER: Caller = {
  class: 'agent',
  issuer: 'agents',
  subject: 'agent-7',
  claims: { team: 'orders' },
  roles: [],
  token: `sha256:${'0'.repeat(64)}`,
}

/** Deciding alone, and everything from names to an answer with the plan compiled anew. */
export async function bench(): Promise<readonly Row[]> {
  const loaded = await loadCatalog('task-scopes')
  if (!loaded.ok) throw new Error('the example scopes do not load')
  const found = loaded.catalog.scopes.get('backfill-order-totals')
  const environment = (await requireConfig('credctl.example.yaml')).environments.get('staging')
  if (found === undefined || environment === undefined) throw new Error('the example has changed')

  const parameters = { ticket: 'ORD-481' }
  const planned = planScope(found.scope, environment, parameters)
  if (!planned.ok) throw new Error('the example scope has no plan')
  const now = new Date(0)
  const circumstances = {
    grantId: '01K00000000000000000000000',
    caller: CALLER,
    found,
    environment,
    usage: { liveGrants: 0, grantsLastDay: 0 },
    issuedAt: now,
    now,
  }
  const ask = { scope: found.scope.name, environment: 'staging', intent: 'bench', parameters }
  const request = {
    ...circumstances,
    scope: found.scope,
    scopeDigest: found.digest,
    plan: planned.plan,
    intent: 'bench',
  }
  const digest = many('canonical digest of an entry of this size', 20_000, () =>
    digestOf({ caller: 'agent', scope: ask.scope, reasons: ['allowed'], parameters }),
  )
  const decision = many('decide (plan given)', 200_000, () => decide(request))
  const whole = many('evaluate: find, compiled plan, decide', 100_000, () =>
    evaluate(ask, circumstances),
  )
  const open = { ...request, environment: { ...environment, schedule: nights() } }
  const inside = {
    ...open,
    now: new Date('2026-12-16T21:00:00Z'),
    issuedAt: new Date('2026-12-16T21:00:00Z'),
  }
  const outside = {
    ...open,
    now: new Date('2026-12-16T12:00:00Z'),
    issuedAt: new Date('2026-12-16T12:00:00Z'),
  }
  const within = many('decide, inside a window with holidays', 100_000, () => decide(inside))
  const closed = many('decide, outside it, with the next opening', 50_000, () => decide(outside))
  const approved = await approvedRequest(request)
  const people = many('decide, with thresholds and the approvals of two people', 50_000, () =>
    decide(approved),
  )
  const plan = many('plan: compile and self-check, AWS and PostgreSQL', 2_000, () =>
    planScope(found.scope, environment, parameters),
  )
  return [
    digest,
    ...[decision, within, closed, whole, people, plan].map((row) => against(row, digest, 'rate')),
  ]
}

function nights(): Schedule {
  const window = windowSchema.parse({
    zone: 'Europe/Berlin',
    open: [{ days: ['mon', 'tue', 'wed', 'thu'], from: '20:00', to: '06:00' }],
    closed_on: ['holidays'],
  })
  const config = {
    windows: { nights: window },
    freezes: {},
    calendars: {},
    environments: { staging: { windows: ['nights'] } },
  }
  const schedule = schedulesOf(config, new Map([['holidays', new Set(['2026-12-25'])]]))
  return schedule.get('staging') ?? ALWAYS
}

/** The same request where people have to agree, and have. */
async function approvedRequest(request: DecisionRequest): Promise<DecisionRequest> {
  const groups = { dba: { members: [{ issuer: 'people', claims: { groups: 'dba' } }] } }
  const rules = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) => ({
    name,
    when: { more_than: { tables: 1 }, verbs: ['update' as const] },
    needs: [{ group: 'dba', count: 2 }],
  }))
  const policy = { ...NO_POLICY, groups, thresholds: rules, samePerson: { people: 'email' } }
  const waiting = decide({ ...request, policy })
  if (waiting.outcome !== 'needs_approval') throw new Error('nobody was asked')
  const verdicts = ['ann', 'bob'].map((subject) => ({
    verdict: 'approve' as const,
    by: {
      class: 'human' as const,
      issuer: 'people',
      subject,
      claims: { groups: ['dba'], email: `${subject}@example.com` },
    },
    group: 'dba',
    plan: request.plan.digest,
    at: request.now,
  }))
  const expires = new Date(request.now.getTime() + 3_600_000)
  const approved = { ...request, policy, approval: { binding: waiting.binding, expires, verdicts } }
  if (decide(approved).outcome !== 'allow') throw new Error('approved, and not allowed')
  return approved
}

/** Timed in slices of 100: one call is shorter than the clock can tell. */
function many(operation: string, count: number, run: () => unknown): Row {
  const slice = 100
  for (let index = 0; index < count / 10; index += 1) run()
  const durations: number[] = []
  const started = performance.now()
  for (let done = 0; done < count; done += slice) {
    const from = performance.now()
    for (let index = 0; index < slice; index += 1) run()
    durations.push((performance.now() - from) / slice)
  }
  return {
    ...rowOf(operation, durations, performance.now() - started),
    count,
    rate: (count / (performance.now() - started)) * 1000,
  }
}
