import { describe, expect, test } from 'vitest'
import type { Evidence, Person, Verdict } from '../../src/decision/approval.ts'
import { type Ask, type Circumstances, evaluate } from '../../src/decision/evaluate.ts'
import { NO_POLICY, type Policy } from '../../src/decision/policy.ts'
import { callerNamed, environments, scopeNamed } from './world.ts'

/** What counts as an approval, asked of the decision itself: whatever a database says. */
const NOW = new Date('2026-11-20T12:00:00.000Z')
const POLICY: Policy = {
  ...NO_POLICY,
  thresholds: [
    { name: 'updates', when: { verbs: ['update'] }, needs: [{ group: 'dba', count: 2 }] },
  ],
  groups: { dba: { members: [{ issuer: 'people', claims: { groups: 'dba' } }] } },
  samePerson: { people: 'email', agents: 'owner' },
}
const ask: Ask = { scope: 'backfill', environment: 'dev', intent: 'Recompute.', parameters: {} }

function decided(change: Partial<Circumstances> = {}, asked: Ask = ask) {
  return evaluate(asked, {
    grantId: 'g',
    caller: owned('o@example.com'),
    found: scopeNamed('backfill', {}),
    environment: environments.get('dev'),
    usage: { liveGrants: 0, grantsLastDay: 0 },
    policy: POLICY,
    issuedAt: NOW,
    now: NOW,
    ...change,
  })
}

function owned(owner: string) {
  const caller = callerNamed('agent', {})
  return { ...caller, claims: { ...caller.claims, owner } }
}

function firstAnswer() {
  const { decision, plan } = decided()
  if (decision.outcome !== 'needs_approval' || plan === undefined) throw new Error('nobody asked')
  return { binding: decision.binding, plan }
}
const { binding, plan } = firstAnswer()

function person(subject: string, change: Partial<Person> = {}): Person {
  const claims = { groups: ['dba'], email: `${subject}@example.com` }
  return { class: 'human', issuer: 'people', subject, claims, ...change }
}

function word(subject: string, change: Partial<Verdict> = {}): Verdict {
  const at = new Date(NOW.getTime() - 60_000)
  return { verdict: 'approve', by: person(subject), group: 'dba', plan: plan.digest, at, ...change }
}

function evidence(verdicts: readonly Verdict[], change: Partial<Evidence> = {}): Evidence {
  return { binding, expires: new Date(NOW.getTime() + 600_000), verdicts, ...change }
}

const ann = word('ann')
const bob = word('bob')

describe('approvals as evidence', () => {
  test('of enough people allow, and the grant ends with the approval', () => {
    const { decision } = decided({ approval: evidence([ann, bob]) })
    if (decision.outcome !== 'allow') throw new Error(JSON.stringify(decision.reasons))
    expect(decision.grant.expiresAt).toEqual(new Date(NOW.getTime() + 600_000))
    expect(decision.reasons.map(({ code }) => code)).toEqual(['allowed', 'approved'])
    expect(decision.reasons[1]?.message).toContain('ann (people), bob (people)')
  })

  test.each<[string, readonly Verdict[]]>([
    ['nobody', []],
    ['one of two', [ann]],
    ['the same person twice', [ann, ann]],
    [
      'one person with two accounts',
      [
        word('ann', {
          by: person('ann', { claims: { groups: ['dba'], email: 'ann@example.com' } }),
        }),
        word('ann-admin', {
          by: person('ann-admin', { claims: { groups: ['dba'], email: 'ANN@example.com' } }),
        }),
      ],
    ],
    [
      'a person of another group',
      [ann, word('bob', { by: person('bob', { claims: { groups: ['staff'], email: 'b@b' } }) })],
    ],
    [
      'a person who says to be of the group',
      [ann, word('bob', { by: person('bob', { claims: { email: 'b@b' } }) })],
    ],
    ['a person of another issuer', [ann, word('bob', { by: person('bob', { issuer: 'github' }) })]],
    [
      'a person whose token leaves out who they are',
      [ann, word('bob', { by: person('bob', { claims: { groups: ['dba'] } }) })],
    ],
    [
      'a person whose token says that they are nobody',
      [ann, word('bob', { by: person('bob', { claims: { groups: ['dba'], email: '' } }) })],
    ],
    ['an agent', [ann, word('bob', { by: person('bob', { class: 'agent' }) })]],
    ['ci', [ann, word('bob', { by: person('bob', { class: 'ci' }) })]],
    ['a delegate', [ann, word('bob', { by: person('bob', { actor: { sub: 'bot' } }) })]],
    ['a group nobody asked', [ann, word('bob', { group: 'approvers' })]],
    ['a group named like a method', [ann, word('bob', { group: 'constructor' })]],
    ['the requester', [ann, word('agent-1', { by: person('agent-1', { issuer: 'agents' }) })]],
    ['another plan', [ann, word('bob', { plan: `sha256:${'0'.repeat(64)}` })]],
    ['a word after the end', [ann, word('bob', { at: new Date(NOW.getTime() + 600_000) })]],
  ])('of %s do not', (_who, verdicts) => {
    const { decision } = decided({ approval: evidence(verdicts) })
    expect(decision.outcome).toBe('needs_approval')
    expect(decision).not.toHaveProperty('grant')
  })

  test('of the owner of the agent do not, whatever the account', () => {
    const by = person('b.smith', { claims: { groups: ['dba'], email: 'Bob@Example.com' } })
    const { decision } = decided({
      caller: owned('bob@example.com'),
      approval: evidence([ann, word('b.smith', { by })]),
    })
    expect(decision.outcome).toBe('needs_approval')
  })

  test('of people do not for somebody whose token leaves out who they are', () => {
    const { decision } = decided({
      caller: callerNamed('agent', {}),
      approval: evidence([ann, bob]),
    })
    expect(decision.outcome).toBe('needs_approval')
  })

  test('of somebody who is only known by a subject do not for the agent they own', () => {
    const policy = { ...POLICY, samePerson: { agents: 'owner' } }
    const by = person('Bob@example.com', { claims: { groups: ['dba'] } })
    const approval = evidence([ann, word('b', { by })])
    const outcome = (owner: string) =>
      decided({ policy, caller: owned(owner), approval }).decision.outcome
    expect([outcome('bob@example.com'), outcome('cleo@example.com')]).toEqual([
      'needs_approval',
      'allow',
    ])
  })

  test.each<[string, Partial<Circumstances>, Ask]>([
    ['another intent', {}, { ...ask, intent: 'Something else.' }],
    [
      'another environment',
      { environment: environments.get('staging') },
      { ...ask, environment: 'staging' },
    ],
    ['another caller', { caller: callerNamed('agent', { subject: 'agent-2' }) }, ask],
    ['another issuer of the caller', { caller: callerNamed('human', {}) }, ask],
    [
      'another text of the scope',
      { found: scopeNamed('backfill', { description: 'Another description.' }) },
      ask,
    ],
    ['another plan', { found: scopeNamed('backfill', { ttl: '14m' }) }, ask],
    [
      'somebody who acts for the caller now',
      { caller: callerNamed('agent', { actor: { sub: 'bot' } }) },
      ask,
    ],
  ])('for %s are void', (_what, change, asked) => {
    const { decision } = decided({ ...change, approval: evidence([ann, bob]) }, asked)
    expect(decision.outcome).toBe('needs_approval')
    expect(decision.reasons[0]?.code).toBe('approval_void')
  })

  test('are over when they are over, to the millisecond', () => {
    const expires = (ms: number) => ({ expires: new Date(NOW.getTime() + ms) })
    expect(decided({ approval: evidence([ann, bob], expires(1)) }).decision.outcome).toBe('allow')
    const { decision } = decided({ approval: evidence([ann, bob], expires(0)) })
    expect(decision).toMatchObject({ outcome: 'deny', reasons: [{ code: 'approval_expired' }] })
  })

  test('do not outweigh one denial', () => {
    const denial = word('cleo', { verdict: 'deny', by: person('cleo', { claims: {} }) })
    const { decision } = decided({ approval: evidence([ann, bob, denial]) })
    expect(decision).toMatchObject({ outcome: 'deny', reasons: [{ code: 'approval_denied' }] })
  })

  test('never turn off an invariant, a rule, a limit or a rule that refuses', () => {
    const approval = evidence([ann, bob])
    const codes = (change: Partial<Circumstances>, asked = ask) =>
      decided({ approval, ...change }, asked).decision.reasons.map(({ code }) => code)
    expect(
      codes({ environment: environments.get('prod') }, { ...ask, environment: 'prod' }),
    ).toEqual(['prod_for_agent_or_local'])
    expect(codes({ caller: callerNamed('agent', { roles: ['operator'] }) })).toEqual([
      'role_not_for_this_class',
    ])
    expect(codes({ caller: callerNamed('agent', { claims: { team: 'billing' } }) })).toEqual([
      'claim_mismatch',
    ])
    const found = scopeNamed('backfill', { limits: { live_grants: 1 } })
    expect(codes({ found, usage: { liveGrants: 1, grantsLastDay: 1 } })).toEqual([
      'too_many_live_grants',
    ])
    const refuse = {
      name: 'no',
      when: { verbs: ['update' as const] },
      refuse: 'Never, for a reason.',
    }
    const policy = { ...POLICY, thresholds: [...POLICY.thresholds, refuse] }
    expect(codes({ policy })).toEqual(['threshold_refused'])
  })

  test('count by today’s groups: who was removed from the definition counts no more', () => {
    const groups = { dba: { members: [{ issuer: 'people', claims: { groups: 'dba-2027' } }] } }
    const { decision } = decided({ policy: { ...POLICY, groups }, approval: evidence([ann, bob]) })
    expect(decision.outcome).toBe('needs_approval')
  })
})
