import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Broker } from '../../src/broker.ts'
import { systemRandom, ulid } from '../../src/clock.ts'
import type { Policy } from '../../src/decision/policy.ts'
import { isCredctlError } from '../../src/errors.ts'
import type { Caller } from '../../src/identity/caller.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { PostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { catalogueLoaded } from '../../src/ledger/record.ts'
import { verifyLog } from '../../src/ledger/verify/verify.ts'
import { Mints } from '../../src/mint/mints.ts'
import type { Catalog } from '../../src/scope/catalog.ts'
import { callerNamed, environments, scopeNamed } from '../decision/world.ts'
import { connectionTo, migratedDatabase, signer } from '../ledger/postgres/database.ts'
import { Target } from '../lifecycle/parts.ts'
import { testPostgres } from '../support/postgres.ts'

/*
 * Whatever people, clocks and files do in whatever order, and at the same time: a grant is issued
 * only while enough others agree to exactly what is asked for. A model that knows nothing of the
 * code says what "enough" is.
 */
const postgres = testPostgres()
let ledger: PostgresLedger
const clock = { at: Date.parse('2026-11-20T10:00:00.000Z'), now: () => new Date(clock.at) }

beforeAll(async () => {
  const database = await migratedDatabase(postgres)
  ledger = await PostgresLedger.open({
    connection: connectionTo(postgres, database),
    signer,
    clock,
  })
}, 60_000)
afterAll(() => ledger?.close())

const POLICY: Policy = {
  thresholds: [
    { name: 'updates', when: { verbs: ['update'] }, needs: [{ group: 'dba', count: 2 }] },
  ],
  groups: { dba: { members: [{ issuer: 'people', claims: { groups: 'dba' } }] } },
  samePerson: {},
  prodStepUp: { max_age: 900 },
}
const LIFE_MS = 3_600_000
const NAMES = ['ann', 'bob', 'cleo', 'agent-1'] as const

function personCalled(name: string): Caller {
  return {
    class: 'human',
    // An approver whose token bears the requester's own identity is the requester.
    issuer: name === 'agent-1' ? 'agents' : 'people',
    subject: name,
    claims: { groups: name === 'cleo' ? ['staff'] : ['dba'] },
    roles: ['approver'],
    token: `sha256:${'1'.repeat(64)}`,
  }
}

type Step =
  | { readonly do: 'approve' | 'deny'; readonly by: string }
  | { readonly do: 'redeem' | 'cancel' | 'sweep' | 'reload' | 'revert' }
  | { readonly do: 'wait'; readonly minutes: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('approve' as const), by: fc.constantFrom(...NAMES) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('deny' as const), by: fc.constantFrom(...NAMES) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('redeem', 'redeem', 'redeem', 'sweep', 'reload', 'revert', 'cancel'),
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      minutes: fc.integer({ min: 1, max: 40 }),
    }),
  },
)
/** Each round's steps happen at the same time. */
const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), {
  minLength: 3,
  maxLength: 10,
})

function world() {
  const original = scopeNamed('backfill', {})
  const changed = scopeNamed('backfill', { ttl: '14m' })
  if (original === undefined || changed === undefined) throw new Error('no scope')
  const held = { found: original }
  const catalog = (): Catalog => ({
    scopes: new Map([['backfill', held.found]]),
    digest: held.found.digest,
  })
  const mints = new Mints([['dev', 'db', new Target()]])
  const broker = new Broker({
    ledger,
    clock,
    random: systemRandom,
    environments,
    catalog,
    mints,
    policy: POLICY,
    privacy: { redact: [], commit: [] },
  })
  return { broker, held, original, changed, catalog }
}

/** Refusals are answers too; anything else is a bug. */
async function tried<T>(running: Promise<T>): Promise<T | undefined> {
  try {
    return await running
  } catch (error) {
    if (isCredctlError(error) && error.code !== 'internal') return undefined
    throw error
  }
}

describe('requests for approval', () => {
  test('give a grant only while enough others agree to exactly what is asked for', async () => {
    let issued = 0
    await fc.assert(
      fc.asyncProperty(rounds, async (plan) => {
        const { broker, held, original, changed, catalog } = world()
        const request = () => ulid(clock, systemRandom)
        await ledger.append(catalogueLoaded({ request: request(), now: clock.now() }, catalog()))
        const caller = callerNamed('agent', {})
        const ask = { scope: 'backfill', environment: 'dev', intent: request(), parameters: {} }
        const asked = await broker.requestGrant(caller, ask, request())
        if (asked.outcome !== 'needs_approval') throw new Error('nobody was asked')
        const { id, plan: digest } = asked.waiting
        const end = clock.at + LIFE_MS
        const model = { approved: new Set<string>(), grants: 0, spoiled: false }
        const run: Readonly<Record<Step['do'], (step: Step) => Promise<unknown>>> = {
          approve: async (each) => {
            if (!('by' in each)) return
            const word = { id, verdict: 'approve', plan: digest, via: 'api' } as const
            const given = await tried(
              broker.approvals.give({ ...word, by: personCalled(each.by) }, request()),
            )
            if (given === undefined) return
            expect(['ann', 'bob']).toContain(each.by)
            expect(clock.at).toBeLessThan(end)
            expect(model.approved.has(each.by)).toBe(false)
            model.approved.add(each.by)
          },
          deny: async (each) => {
            if (!('by' in each)) return
            const word = { id, verdict: 'deny', plan: digest, via: 'api' } as const
            const given = await tried(
              broker.approvals.give({ ...word, by: personCalled(each.by) }, request()),
            )
            if (given !== undefined) model.spoiled = true
          },
          redeem: async () => {
            const spoiled = model.spoiled
            const answer = await tried(broker.redeem(id, request()))
            if (answer?.outcome !== 'allow') return
            model.grants += 1
            issued += 1
            expect(spoiled).toBe(false)
            expect(held.found).toBe(original)
            expect(clock.at).toBeLessThan(end)
            expect(answer.grant.expiresAt.getTime()).toBeLessThanOrEqual(end)
            expect((await broker.approvals.find(id)).given.length).toBe(2)
          },
          cancel: async () => {
            if ((await tried(broker.approvals.cancel(id, caller, request()))) !== undefined) {
              model.spoiled = true
            }
          },
          sweep: async () => await broker.approvals.expire(request()),
          reload: async () => {
            held.found = changed
          },
          revert: async () => {
            held.found = original
          },
          wait: async (each) => {
            if ('minutes' in each) clock.at += each.minutes * 60_000
          },
        }
        for (const round of plan) {
          // Time and files change between rounds, so that the model knows them.
          const [still, together] = [
            round.filter((each) => ['wait', 'reload', 'revert'].includes(each.do)),
            round.filter((each) => !['wait', 'reload', 'revert'].includes(each.do)),
          ]
          for (const each of still) await run[each.do](each)
          await Promise.all(together.map((each) => run[each.do](each)))
        }
        expect(model.grants).toBeLessThanOrEqual(1)
      }),
      {
        numRuns: 120,
        examples: [
          [
            [
              [
                { do: 'approve', by: 'ann' },
                { do: 'approve', by: 'bob' },
              ],
              [{ do: 'redeem' }],
            ],
          ],
        ],
      },
    )
    // A property that never gets to a grant would prove nothing.
    expect(issued).toBeGreaterThan(0)
  }, 120_000)

  test('leave a log in which every grant has the words it needs', async () => {
    const { findings, verified } = await verifyLog(ledger.log, { keys: [parseVkey(signer.vkey)] })
    expect(verified).toBeGreaterThan(60)
    // No sweep ran over the grants themselves.
    expect(findings.filter(({ code }) => code !== 'grant_not_ended')).toEqual([])
  })
})
