import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  APPROVAL_EVENTS,
  type ApprovalEvent,
  statusesBefore,
  TRANSITIONS,
} from '../../src/approval/transitions.ts'
import type { Clock } from '../../src/clock.ts'
import { APPROVAL_STATUSES, type ApprovalStatus } from '../../src/ledger/changes.ts'
import type { Entry } from '../../src/ledger/entry.ts'
import { PostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { allowed, catalogue, given, id, overdue, person, waiting } from '../ledger/entries.ts'
import { connectionTo, migratedDatabase, signer } from '../ledger/postgres/database.ts'
import { testPostgres } from '../support/postgres.ts'

/** Every cell of the table, the refused ones included, against a real ledger. */
const postgres = testPostgres()
let ledger: PostgresLedger
let database = ''
let next = 100

beforeAll(async () => {
  database = await migratedDatabase(postgres)
  ledger = await PostgresLedger.open({ connection: connectionTo(postgres, database), signer })
  await ledger.append(catalogue())
}, 60_000)
afterAll(() => ledger?.close())

const clock: Clock = { now: () => new Date('2026-11-20T10:02:00.000Z') }

/** A request of its own for each case, taken to a status by the events that lead there. */
const PATHS: Readonly<Record<ApprovalStatus, readonly ApprovalEvent[]>> = {
  pending: [],
  approved: ['approve, others missing', 'approve, the last one'],
  denied: ['deny'],
  redeemed: ['approve, others missing', 'approve, the last one', 'redeem'],
  expired: ['expire'],
  void: ['void'],
  cancelled: ['cancel'],
}

let people = 0

function entryOf(event: ApprovalEvent, grant: string, previous: number): Entry {
  people += 1
  const by = person(`person-${people}`)
  switch (event) {
    case 'approve, others missing':
      return given(grant, previous, { by })
    case 'approve, the last one':
      return given(grant, previous, { by, settles: 'approved' })
    case 'deny':
      return given(grant, previous, { by, verdict: 'deny', settles: 'denied' })
    case 'redeem':
      return allowed(grant, { previous, time: clock.now().toISOString() })
    case 'cancel':
      return { ...overdue(grant, previous), outcome: 'cancelled' }
    case 'void':
      return { ...overdue(grant, previous), outcome: 'void' }
    case 'expire':
      return overdue(grant, previous)
  }
}

async function happen(event: ApprovalEvent, grant: string): Promise<void> {
  const state = await ledger.approval(grant)
  const entry = entryOf(event, grant, state?.lastIndex ?? -1)
  await ledger.append(entry, { approval: statusesBefore(event) })
}

async function requestAt(status: ApprovalStatus): Promise<string> {
  next += 1
  const grant = id(next)
  const binding = `sha256:${String(next).padStart(64, '0')}` as const
  const { approval, ...rest } = waiting(grant)
  if (approval === undefined) throw new Error('no request')
  await ledger.append({ ...rest, approval: { ...approval, binding } }, { approval: 'new' })
  for (const event of PATHS[status]) await happen(event, grant)
  return grant
}

const cells = APPROVAL_STATUSES.flatMap((from) =>
  APPROVAL_EVENTS.map((event) => [from, event, TRANSITIONS[from][event] ?? 'refused'] as const),
)

describe('a request that is', () => {
  test.each(cells)('%s, and then %s: %s', async (from, event, wanted) => {
    const grant = await requestAt(from)
    const before = await ledger.approval(grant)
    expect(before?.status).toBe(from)
    if (wanted !== 'refused') {
      await happen(event, grant)
      expect((await ledger.approval(grant))?.status).toBe(wanted)
      return
    }
    await expect(happen(event, grant)).rejects.toMatchObject({ code: 'approval_settled' })
    expect(await ledger.approval(grant)).toEqual(before)
  })

  test.each(APPROVAL_STATUSES.filter((status) => PATHS[status].at(-1) !== undefined))(
    '%s goes nowhere it cannot go, also for whoever reaches the table itself',
    async (from) => {
      const grant = await requestAt(from)
      const move = async (status: string) => {
        const text = 'UPDATE credctl_ledger.approvals SET status = $2 WHERE id = $1'
        await postgres.pool(database).query(text, [grant, status])
      }
      await expect(move('pending')).rejects.toThrow(/cannot become pending/)
      if (from !== 'approved') await expect(move('approved')).rejects.toThrow(/cannot become/)
    },
  )

  test('over by its time can be neither approved nor redeemed, before anybody swept it', async () => {
    const grant = await requestAt('approved')
    const state = await ledger.approval(grant)
    const late = allowed(grant, {
      previous: state?.lastIndex ?? 0,
      time: '2026-11-20T11:00:00.000Z',
      expires: '2026-11-20T11:15:00.000Z',
    })
    await expect(ledger.append(late, { approval: statusesBefore('redeem') })).rejects.toMatchObject(
      {
        code: 'approval_settled',
      },
    )
  })
})

test('of two words at once one is recorded, and the other must see it first', async () => {
  const grant = await requestAt('pending')
  const previous = (await ledger.approval(grant))?.lastIndex ?? 0
  const words = ['a', 'b', 'c'].map((name) => given(grant, previous, { by: person(name) }))
  const settled = await Promise.allSettled(
    words.map((word) => ledger.append(word, { approval: ['pending'] })),
  )
  expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  expect((await ledger.approval(grant))?.given).toHaveLength(1)
})

test('of two requests for the same thing at once one is recorded', async () => {
  const binding = `sha256:${'e'.repeat(64)}` as const
  const requests = [901, 902, 903].map((number) => {
    const { approval, ...rest } = waiting(id(number))
    if (approval === undefined) throw new Error('no request')
    return { ...rest, approval: { ...approval, binding } }
  })
  const settled = await Promise.allSettled(
    requests.map((each) => ledger.append(each, { approval: 'new' })),
  )
  expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
})

test('ten thousand that wait are listed page by page, those of one group alone', async () => {
  const total = 10_000
  const requests = Array.from({ length: total }, (_, number) => {
    const { approval, ...rest } = waiting(id(10_000 + number))
    if (approval === undefined) throw new Error('no request')
    const binding = `sha256:f${String(number).padStart(63, '0')}` as const
    const needs = [{ group: number % 100 === 0 ? 'rare' : 'often', count: 1 }]
    return { ...rest, approval: { ...approval, binding, needs } }
  })
  for (let from = 0; from < total; from += 2_000) {
    const some = requests.slice(from, from + 2_000)
    await Promise.all(some.map((each) => ledger.append(each, { approval: 'new' })))
  }
  const filter = { statuses: ['pending'], groups: ['rare'], endsAfter: clock.now() } as const
  const first = await ledger.approvals({ ...filter, limit: 60 })
  expect(first).toHaveLength(60)
  const before = first.at(-1)?.id ?? ''
  const second = await ledger.approvals({ ...filter, limit: 60, before })
  expect(second).toHaveLength(40)
  const ids = [...first, ...second].map((each) => each.id)
  expect(ids).toEqual([...ids].sort().reverse())
  expect(await ledger.approvals({ ...filter, groups: [], limit: 60 })).toEqual([])
}, 60_000)
