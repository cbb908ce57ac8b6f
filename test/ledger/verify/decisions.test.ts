import { describe, expect, it } from 'vitest'
import type { Digest } from '../../../src/canonical.ts'
import { evaluate } from '../../../src/decision/evaluate.ts'
import type { ReasonCode } from '../../../src/decision/reason.ts'
import { toEnvironment } from '../../../src/environment/environment.ts'
import type { GrantDecided } from '../../../src/ledger/entry.ts'
import { grantDecided } from '../../../src/ledger/record.ts'
import { DecisionReview } from '../../../src/ledger/verify/decisions.ts'
import { verifyLog } from '../../../src/ledger/verify/verify.ts'
import { callerNamed, environments, scopeNamed } from '../../decision/world.ts'
import { catalogue, id, T0 } from '../entries.ts'
import { logKeys, writeLog } from '../file-log.ts'

const NO_USAGE = { liveGrants: 0, grantsLastDay: 0 }
const OTHER: Digest = `sha256:${'cd'.repeat(32)}`

function found(name: string) {
  const scope = scopeNamed(name, {})
  if (scope === undefined) throw new Error(`no scope ${name}`)
  return scope
}
const scopes = new Map(
  ['backfill', 'limited', 'filled'].map(found).map((each) => [each.digest, each]),
)

interface Asked {
  readonly scope?: string
  readonly environment?: string
  readonly caller?: string
  readonly usage?: typeof NO_USAGE
  readonly parameters?: Record<string, string>
}

/** What a broker records for this request. */
function recorded({
  scope = 'backfill',
  environment = 'dev',
  caller = 'agent',
  usage = NO_USAGE,
  parameters = {},
}: Asked): GrantDecided {
  const now = new Date(T0)
  const ask = { scope, environment, intent: 'totals of may', parameters }
  const circumstances = {
    grantId: id(1),
    caller: callerNamed(caller, {}),
    found: found(scope),
    environment: environments.get(environment),
    usage,
    issuedAt: now,
    now,
  }
  const evaluation = evaluate(ask, circumstances)
  return grantDecided({ request: id(9), now }, { ask, ...circumstances, evaluation })
}

function review(entry: GrantDecided, material: object = { scopes, environments }) {
  const reviewer = new DecisionReview({ scopes, ...material })
  const findings = reviewer.review(7, entry)
  const { rechecked, notRechecked } = reviewer
  return {
    found: findings.map(({ code, message }) => `${code}: ${message}`),
    rechecked,
    notRechecked,
  }
}
const AGREES = { found: [], rechecked: 1, notRechecked: {} }
const skipped = (why: string) => ({ found: [], rechecked: 0, notRechecked: { [why]: 1 } })
const contradicts = (message: string) => ({
  found: [`decision_contradicted: entry 7 ${message}`],
  rechecked: 0,
  notRechecked: {},
})

/** A denial turned into what a broker that was bent would have written. */
const allowedAnyway = (asked: Asked): GrantDecided => ({
  ...recorded(asked),
  decision: 'allow',
  plan: OTHER,
  reasons: [{ code: 'allowed', message: 'x' }],
  expires: new Date(T0 + 900_000).toISOString(),
})
const denied = (asked: Asked, ...codes: ReasonCode[]): GrantDecided => {
  const { expires: _, ...entry } = recorded(asked)
  return { ...entry, decision: 'deny', reasons: codes.map((code) => ({ code, message: 'x' })) }
}

describe('a decision that was recorded', () => {
  it.each<[string, Asked]>([
    ['an allowed grant', {}],
    ['an allowed grant with parameters', { scope: 'filled', parameters: { ticket: 'ORD-1' } }],
    ['a refusal in prod', { environment: 'prod' }],
    ['a refusal by the rules', { caller: 'human', scope: 'limited' }],
    ['a refusal of an environment', { scope: 'limited', environment: 'staging' }],
  ])('comes out the same again: %s', (_what, asked) => {
    expect(review(recorded(asked))).toEqual(AGREES)
  })

  it.each<[string, GrantDecided, string]>([
    [
      'an agent was allowed in prod',
      allowedAnyway({ environment: 'prod' }),
      'decides allow; its inputs say deny (prod_for_agent_or_local)',
    ],
    [
      'somebody was allowed whom no rule names',
      allowedAnyway({ caller: 'human', scope: 'limited' }),
      'decides allow; its inputs say deny (no_rule_for_caller)',
    ],
    [
      'a claim does not match',
      { ...recorded({}), caller: { ...recorded({}).caller, claims: { team: 'billing' } } },
      'decides allow; its inputs say deny (claim_mismatch)',
    ],
    [
      'an environment was allowed that the scope does not list',
      allowedAnyway({ scope: 'limited', environment: 'staging' }),
      'decides allow; its inputs say deny (environment_not_in_scope)',
    ],
    [
      'nothing was intended',
      { ...recorded({}), intent: ' ' },
      'decides allow; its inputs say deny (intent_missing)',
    ],
    [
      'a refusal names a rule that is met',
      denied({}, 'no_rule_for_caller'),
      'decides deny; its inputs say allow',
    ],
  ])('is contradicted where %s', (_what, entry, message) => {
    expect(review(entry)).toEqual(contradicts(message))
  })

  const moved = new Map(environments)
  moved.set('dev', toEnvironment('dev', { class: 'nonprod', targets: {} }))
  const renamed = new Map(environments)
  renamed.set('dev', {
    ...(environments.get('dev') as NonNullable<unknown>),
    class: 'prod',
  } as never)
  it.each<[string, GrantDecided, object, string]>([
    [
      'the scope is not at hand',
      { ...recorded({}), scope: { name: 'backfill' } },
      { environments },
      'scope_unknown',
    ],
    ['there is no configuration', recorded({}), { environments: undefined }, 'no_configuration'],
    ['the environment is gone', recorded({}), { environments: new Map() }, 'environment_changed'],
    [
      'the environment has another class',
      recorded({}),
      { environments: renamed },
      'environment_changed',
    ],
    ['the target is gone', recorded({}), { environments: moved }, 'plan_refused'],
    ['the plan is another one', { ...recorded({}), plan: OTHER }, { environments }, 'plan_changed'],
    [
      'a parameter is only committed to',
      { ...recorded({}), committed: { intent: OTHER } },
      { environments },
      'committed',
    ],
    [
      'a secret was taken out',
      { ...recorded({}), redacted: [{ at: 'intent', type: 'x' }] },
      { environments },
      'committed',
    ],
    [
      'a limit was used up at the time',
      recorded({ scope: 'limited', usage: { liveGrants: 2, grantsLastDay: 2 } }),
      { environments },
      'too_many_live_grants',
    ],
  ])('counts as not re-checked where %s', (_what, entry, material, why) => {
    expect(review(entry, material)).toEqual(skipped(why))
  })
})

describe('a scope that nobody reviewed', () => {
  it('is told once, where it came into force', async () => {
    const entry = recorded({})
    const known = { ...catalogue(), scopes: { backfill: entry.scope.digest ?? OTHER } }
    const foreign = {
      ...catalogue(),
      scopes: { backfill: entry.scope.digest ?? OTHER, evil: OTHER },
    }
    const reviewer = new DecisionReview({ scopes, environments })
    const log = writeLog([known, foreign, foreign, entry])
    const { findings } = await verifyLog(log, { keys: logKeys, reviewer })
    expect(findings.map(({ code, index }) => [code, index])).toEqual([['scope_unreviewed', 1]])
    expect(reviewer.rechecked).toBe(1)
  })

  it('is found in a decision too', () => {
    const entry = { ...recorded({}), scope: { name: 'evil\n', digest: OTHER } }
    expect(review(entry)).toEqual({
      found: [`scope_unreviewed: entry 7 names a scope "evil\\n" that nobody reviewed: ${OTHER}`],
      rechecked: 0,
      notRechecked: { scope_unknown: 1 },
    })
  })
})

it('a log large enough for several threads is reviewed like a small one', async () => {
  const entry = recorded({})
  const known = { ...catalogue(), scopes: { backfill: entry.scope.digest ?? OTHER } }
  const bad = allowedAnyway({ environment: 'prod' })
  const many = Array.from({ length: 45_000 }, () => catalogue(1))
  const entries = [
    known,
    ...many.map(({ scopes: _, ...rest }) => ({ ...rest, scopes: known.scopes })),
  ]
  const reviewer = new DecisionReview({ scopes, environments })
  const log = writeLog([...entries, { ...bad, grant: id(77) }])
  const { findings } = await verifyLog(log, { keys: logKeys, reviewer })
  expect(findings.map(({ code, index }) => [code, index])).toEqual([
    ['decision_contradicted', entries.length],
  ])
})
