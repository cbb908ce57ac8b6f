import { describe, expect, test } from 'vitest'
import { evaluate } from '../../../src/decision/evaluate.ts'
import type { Environment } from '../../../src/environment/environment.ts'
import { type Freeze, type Schedule, schedulesOf } from '../../../src/environment/schedule.ts'
import { freezeSchema, windowSchema } from '../../../src/environment/window.ts'
import { callerNamed, environments, scopeNamed } from '../world.ts'
import type { WindowText } from './window.ts'

const NIGHTS: WindowText = {
  zone: 'UTC',
  open: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '20:00', to: '22:00' }],
}
const MORNINGS: WindowText = {
  zone: 'UTC',
  open: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '09:00' }],
}
const FREEZE = {
  environments: ['staging'],
  zone: 'UTC',
  from: '2026-12-18T18:00',
  to: '2027-01-04T06:00',
  reason: 'End of the year.',
}

interface Setting {
  readonly windows?: Readonly<Record<string, WindowText>>
  readonly freezes?: Readonly<Record<string, object>>
  readonly required?: readonly string[]
  readonly scope?: Record<string, unknown>
}

/** Wednesday 16 December 2026, 21:00 UTC, unless told otherwise. */
function ask(setting: Setting, now = '2026-12-16T21:00:00Z', issuedAt = now, notAfter?: string) {
  const scope = 'backfill'
  const staging = environments.get('staging')
  if (staging === undefined) throw new Error('no staging')
  const environment: Environment = { ...staging, schedule: scheduleOf(setting) }
  return evaluate(
    { scope, environment: 'staging', intent: 'fix it', parameters: {} },
    {
      grantId: '01JD0000000000000000000000',
      caller: callerNamed('agent', {}),
      found: scopeNamed(scope, setting.scope ?? {}),
      environment,
      usage: { liveGrants: 0, grantsLastDay: 0 },
      issuedAt: new Date(issuedAt),
      ...(notAfter === undefined ? {} : { notAfter: new Date(notAfter) }),
      now: new Date(now),
    },
  ).decision
}

function scheduleOf({ windows = {}, freezes = {}, required = [] }: Setting): Schedule {
  const parsed = {
    windows: mapped(windows, (text) => windowSchema.parse(text)),
    freezes: mapped(freezes, (text) => freezeSchema.parse({ ...FREEZE, ...text })),
    calendars: {},
    environments: { staging: { windows: required } },
  }
  const schedule = schedulesOf(parsed, new Map()).get('staging')
  if (schedule === undefined) throw new Error('no schedule')
  return schedule
}

function mapped<A, B>(record: Readonly<Record<string, A>>, by: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, by(value)]))
}

const outcome = (decision: ReturnType<typeof ask>) => [
  decision.outcome,
  ...decision.reasons.map(({ code, message }) => `${code}: ${message}`),
]

const expiry = (decision: ReturnType<typeof ask>) =>
  decision.outcome === 'allow' ? decision.grant.expiresAt.toISOString() : decision

describe('windows that follow one another without end', () => {
  const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
  const shift = (from: string, to: string): WindowText => ({
    zone: 'UTC',
    open: [{ days: [...DAYS], from, to }],
  })
  const around = { day: shift('06:00', '18:00'), night: shift('18:00', '06:00') }

  test('are one that stays open, and cut no grant short', () => {
    const decision = ask({ windows: around, required: ['day', 'night'] }, '2026-12-16T17:59:30Z')
    if (decision.outcome !== 'allow') throw new Error(JSON.stringify(decision.reasons))
    const { issuedAt, expiresAt, plan } = decision.grant
    expect(expiresAt.getTime() - issuedAt.getTime()).toBe(plan.ttlSeconds * 1000)
  })

  test('are closed where a freeze lies over them, and open when it ends', () => {
    const { reasons } = ask(
      { windows: around, required: ['day', 'night'], freezes: { winter: {} } },
      '2026-12-19T12:00:00Z',
    )
    expect(reasons[0]?.message).toContain('the next window opens at 2027-01-04T06:00:00Z')
  })
})

describe('a window of the environment', () => {
  const setting = { windows: { nights: NIGHTS }, required: ['nights'] }

  test('that is open lets the request through', () => {
    expect(ask(setting).outcome).toBe('allow')
  })

  test('that is closed refuses, and says when it opens', () => {
    expect(outcome(ask(setting, '2026-12-16T19:59:59.999Z'))).toEqual([
      'deny',
      'outside_window: the environment wants window nights, which is closed; the next window opens at 2026-12-16T20:00:00Z',
    ])
    expect(ask(setting, '2026-12-16T20:00:00Z').outcome).toBe('allow')
  })

  test('ends every grant at its close', () => {
    expect(expiry(ask(setting, '2026-12-16T20:00:00Z'))).toBe('2026-12-16T20:15:00.000Z')
    expect(expiry(ask(setting, '2026-12-16T21:55:00Z'))).toBe('2026-12-16T22:00:00.000Z')
  })

  test('gives nothing in its last minute', () => {
    expect(ask(setting, '2026-12-16T21:59:00Z').outcome).toBe('allow')
    expect(outcome(ask(setting, '2026-12-16T21:59:00.001Z'))).toEqual([
      'deny',
      'outside_window: the window closes at 2026-12-16T22:00:00Z, in less than a minute; the next one opens at 2026-12-17T20:00:00Z',
    ])
  })

  test('is looked at again when a grant fetches a credential', () => {
    const issued = '2026-12-16T21:50:00Z'
    expect(ask(setting, '2026-12-16T21:59:30Z', issued).outcome).toBe('allow')
    expect(ask(setting, '2026-12-16T22:00:00Z', issued).outcome).toBe('deny')
  })

  test('may let grants finish that were given in it', () => {
    const finish = {
      windows: { nights: { ...NIGHTS, at_close: 'finish' as const } },
      required: ['nights'],
    }
    const issued = '2026-12-16T21:50:00Z'
    expect(expiry(ask(finish, issued))).toBe('2026-12-16T22:05:00.000Z')
    expect(ask(finish, '2026-12-16T22:01:00Z', issued).outcome).toBe('allow')
    expect(ask(finish, '2026-12-16T22:01:00Z').outcome).toBe('deny')
  })

  test('that was lengthened does not lengthen a grant', () => {
    const longer = { windows: { nights: MORNINGS }, required: [] }
    const promised = '2026-12-16T21:55:00Z'
    expect(expiry(ask(longer, '2026-12-16T21:50:01Z', '2026-12-16T21:50:00Z', promised))).toBe(
      '2026-12-16T21:55:00.000Z',
    )
    expect(ask(longer, promised, '2026-12-16T21:50:00Z', promised).outcome).toBe('deny')
  })

  test('is enough when another one is closed', () => {
    const either = {
      windows: { nights: NIGHTS, mornings: MORNINGS },
      required: ['mornings', 'nights'],
    }
    expect(ask(either, '2026-12-16T08:30:00Z').outcome).toBe('allow')
    expect(ask(either, '2026-12-16T21:00:00Z').outcome).toBe('allow')
    expect(outcome(ask(either, '2026-12-16T12:00:00Z'))[1]).toContain(
      'window mornings or nights, which is closed; the next window opens at 2026-12-16T20:00:00Z',
    )
  })

  test('that is for changes leaves reads alone', () => {
    const changes = {
      windows: { nights: { ...NIGHTS, covers: 'changes' as const } },
      required: ['nights'],
    }
    const read = { access: { db: { postgres: { tables: { 'public.orders': ['select'] } } } } }
    const write = {
      access: { db: { postgres: { tables: { 'public.orders': ['select', 'update'] } } } },
    }
    expect(ask({ ...changes, scope: read }, '2026-12-16T12:00:00Z').outcome).toBe('allow')
    expect(ask({ ...changes, scope: write }, '2026-12-16T12:00:00Z').outcome).toBe('deny')
  })
})

describe('a window of the scope', () => {
  test('counts as well as the environment’s', () => {
    const both = {
      windows: {
        nights: NIGHTS,
        late: { zone: 'UTC', open: [{ days: ['wed' as const], from: '21:30', to: '23:00' }] },
      },
      required: ['nights'],
      scope: { windows: ['late'] },
    }
    expect(ask(both, '2026-12-16T21:45:00Z').outcome).toBe('allow')
    expect(expiry(ask(both, '2026-12-16T21:45:00Z'))).toBe('2026-12-16T22:00:00.000Z')
    expect(outcome(ask(both, '2026-12-16T21:00:00Z'))[1]).toContain('opens at 2026-12-16T21:30:00Z')
    expect(ask(both, '2026-12-16T22:30:00Z').outcome).toBe('deny')
  })

  test('that contradicts the environment’s never opens, and says so', () => {
    const never = {
      windows: { nights: NIGHTS, mornings: MORNINGS },
      required: ['nights'],
      scope: { windows: ['mornings'] },
    }
    expect(outcome(ask(never))).toEqual([
      'deny',
      'outside_window: the scope wants window mornings, which is closed; none opens within 400 days',
    ])
  })

  test('that nobody defined is never open', () => {
    expect(outcome(ask({ scope: { windows: ['nights'] } }))).toEqual([
      'deny',
      'outside_window: no window is called nights',
    ])
  })
})

describe('a freeze', () => {
  const frozen = '2026-12-23T21:00:00Z'

  test('refuses while it holds, with its reason', () => {
    expect(outcome(ask({ freezes: { year: {} } }, frozen))).toEqual([
      'deny',
      'frozen: freeze year holds until 2027-01-04T06:00:00Z (End of the year.); the next window opens at 2027-01-04T06:00:00Z',
    ])
    expect(ask({ freezes: { year: {} } }, '2027-01-04T06:00:00Z').outcome).toBe('allow')
  })

  test('ends grants when it starts', () => {
    expect(expiry(ask({ freezes: { year: {} } }, '2026-12-18T17:50:00Z'))).toBe(
      '2026-12-18T18:00:00.000Z',
    )
  })

  test('names the next window after it', () => {
    const both = { freezes: { year: {} }, windows: { nights: NIGHTS }, required: ['nights'] }
    expect(outcome(ask(both, frozen))[1]).toContain('opens at 2027-01-04T20:00:00Z')
  })

  test.each([
    ['of another environment', { environments: ['prod'] }, 'allow'],
    ['of other scopes', { scopes: ['something-else'] }, 'allow'],
    ['of this scope', { scopes: ['backfill'] }, 'deny'],
    ['that excepts this scope', { except_scopes: ['backfill'] }, 'allow'],
  ])('%s', (_what, freeze, expected) => {
    expect(ask({ freezes: { year: freeze } }, frozen).outcome).toBe(expected)
  })

  test('is longer where its local times come twice', () => {
    const night = { zone: 'Europe/Berlin', from: '2026-10-25T02:30', to: '2027-10-31T02:30' }
    const { freezes } = scheduleOf({ freezes: { year: night } })
    const times = freezes.map(({ from, to }: Freeze) =>
      [from, to].map((ms) => new Date(ms).toISOString()),
    )
    expect(times).toEqual([['2026-10-25T00:30:00.000Z', '2027-10-31T01:30:00.000Z']])
  })
})
