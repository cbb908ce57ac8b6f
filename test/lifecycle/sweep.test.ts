import { describe, expect, test } from 'vitest'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { environments } from '../decision/world.ts'
import { migratedDatabase, openLedger } from '../ledger/postgres/database.ts'
import { testPostgres } from '../support/postgres.ts'
import { down, gate, type Lifecycle, lifecycle, nameOf, StoppedClock, Target } from './parts.ts'

const postgres = testPostgres()
const TTL = 15 * 60_000

async function start(): Promise<Lifecycle & { replica(): Promise<Lifecycle> }> {
  const clock = new StoppedClock()
  const database = await migratedDatabase(postgres)
  const here = lifecycle(await openLedger(postgres, database, { clock }), clock)
  const replica = async () =>
    lifecycle(await openLedger(postgres, database, { clock }), clock, here.target)
  return { ...here, replica }
}

async function fetched(here: Lifecycle, many: number) {
  const grants = await Promise.all(Array.from({ length: many }, (_, n) => here.grant(`agent-${n}`)))
  await Promise.all(grants.map((grant) => here.fetch(grant)))
  return grants
}

async function causes(ledger: Ledger, grants: readonly { id: string }[]) {
  const states = await Promise.all(grants.map(({ id }) => ledger.grant(id)))
  return states.map((state) => state?.ended?.cause)
}

describe('a grant', () => {
  test('past its time is ended on the record and at its target, not a moment before', async () => {
    const here = await start()
    const grants = await fetched(here, 3)
    here.clock.move(TTL - 1)
    await here.sweep().round()
    expect(here.target.existing.size).toBe(3)
    here.clock.move(1)
    await here.sweep().round()
    expect(here.target.existing.size).toBe(0)
    expect(await causes(here.ledger, grants)).toEqual(['expired', 'expired', 'expired'])
  })

  test('that its caller or an operator ended keeps that cause, also when it expires later', async () => {
    const here = await start()
    const grants = await fetched(here, 2)
    await here.end(grants[0] ?? { id: '' }, 'caller')
    await here.end(grants[1] ?? { id: '' }, 'operator')
    expect(here.target.existing.size).toBe(0)
    here.clock.move(TTL)
    await here.sweep().round()
    expect(await causes(here.ledger, grants)).toEqual(['caller', 'operator'])
  })

  test('that is ended ten times at once has one end', async () => {
    const here = await start()
    const [grant = { id: '', plan: '' }] = await fetched(here, 1)
    await Promise.all(Array.from({ length: 10 }, () => here.end(grant)))
    const kinds = await here.kinds(grant)
    expect(kinds.filter((kind) => kind === 'grant.ended')).toHaveLength(1)
    expect(kinds.filter((kind) => kind === 'credential.revoked')).toHaveLength(1)
  })
})

describe('a freeze', () => {
  const frozen = (at: number, atClose: 'end' | 'finish') => {
    const dev = environments.get('dev')
    if (dev === undefined) throw new Error('no dev')
    const freeze = { name: 'incident', from: at, to: at + TTL, reason: 'An incident.' }
    const rest = { scopes: undefined, exceptScopes: [], covers: 'everything' as const, atClose }
    const schedule = { ...dev.schedule, freezes: [{ ...freeze, ...rest }] }
    return new Map([...environments, ['dev', { ...dev, schedule }]])
  }

  test('that was declared over live grants ends them, and their credentials', async () => {
    const here = await start()
    const grants = await fetched(here, 2)
    const at = here.clock.now().getTime() + 60_000
    const sweep = here.sweep({ environments: frozen(at, 'end') })
    here.clock.move(59_999)
    await sweep.round()
    expect(here.target.existing.size).toBe(2)
    here.clock.move(1)
    await sweep.round()
    expect(here.target.existing.size).toBe(0)
    expect(await causes(here.ledger, grants)).toEqual(['closed', 'closed'])
  })

  test('that lets live grants finish leaves them alone', async () => {
    const here = await start()
    await fetched(here, 1)
    const sweep = here.sweep({ environments: frozen(here.clock.now().getTime(), 'finish') })
    here.clock.move(60_000)
    await sweep.round()
    expect(here.target.existing.size).toBe(1)
  })
})

describe('revocations that fail', () => {
  test('are tried again after growing pauses, without end, and then done', async () => {
    const here = await start()
    const [grant = { id: '', plan: '' }] = await fetched(here, 1)
    here.target.beforeRevoke = down
    await here.end(grant)
    const pending: number[] = []
    const sweep = here.sweep({ onPending: (_credential, _code, tries) => pending.push(tries) })
    const tried = async () => {
      const before = here.target.revoked.length
      await sweep.round()
      return here.target.revoked.length - before
    }
    expect(await tried()).toBe(1)
    for (const pause of [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
      here.clock.move(pause * 1000 - 1)
      expect([pause, await tried()]).toEqual([pause, 0])
      here.clock.move(1)
      expect([pause, await tried()]).toEqual([pause, 1])
    }
    expect(pending).toEqual(Array.from({ length: 11 }, (_, index) => index + 1))
    here.target.beforeRevoke = async () => undefined
    here.clock.move(300_000)
    await sweep.round()
    expect(here.target.existing.size).toBe(0)
  }, 60_000)

  test('by the hundred do not keep others from being done', async () => {
    const here = await start()
    const stuck = await fetched(here, 260)
    const names = new Set(here.target.existing)
    here.target.beforeRevoke = async (handle) => {
      if (names.has(nameOf(handle))) await down()
    }
    await Promise.all(stuck.map((grant) => here.end(grant)))
    const sweep = here.sweep()
    for (let round = 0; round < 8; round += 1) await sweep.round()

    const [late = { id: '', plan: '' }] = await fetched(here, 1)
    let failures = 1
    here.target.beforeRevoke = async (handle) => {
      if (names.has(nameOf(handle)) || failures-- > 0) await down()
    }
    await here.end(late)
    expect(await here.statuses(late)).toEqual(['minted'])
    await sweep.round()
    expect(await here.statuses(late)).toEqual(['revoked'])
  }, 60_000)

  test('after an outage are paced: fifty a round, four at a time', async () => {
    const here = await start()
    const grants = await fetched(here, 120)
    here.target.beforeRevoke = down
    await Promise.all(grants.map((grant) => here.end(grant)))
    let running = 0
    let most = 0
    here.target.beforeRevoke = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 1))
      running -= 1
    }
    const sweep = here.sweep()
    const left: number[] = []
    for (let round = 0; round < 3; round += 1) {
      await sweep.round()
      left.push(here.target.existing.size)
    }
    expect(left).toEqual([70, 20, 0])
    expect(most).toBe(4)
  }, 30_000)
})

describe('one grant that cannot be ended', () => {
  test('does not keep the others alive', async () => {
    const here = await start()
    const grants = await fetched(here, 12)
    const poison = grants[0]?.id
    const ledger: Ledger = new Proxy(here.ledger, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (name !== 'append') return typeof value === 'function' ? value.bind(target) : value
        return async (...[entry, guard]: Parameters<Ledger['append']>) => {
          if (entry.kind === 'grant.ended' && entry.grant === poison) throw new Error('poison')
          return await target.append(entry, guard)
        }
      },
    })
    here.clock.move(TTL)
    await expect(here.sweep({ ledger }).round()).rejects.toThrow()
    const ended = await causes(here.ledger, grants)
    expect(ended.filter((cause) => cause === 'expired')).toHaveLength(11)
    expect(here.target.existing.size).toBe(1)
  })
})

describe('two replicas', () => {
  test('sweep one at a time, so that nothing is revoked twice', async () => {
    const here = await start()
    await fetched(here, 20)
    const other = await here.replica()
    here.clock.move(TTL)
    const { pass, reached, open } = gate()
    here.target.beforeRevoke = pass
    const first = here.sweep().round()
    await reached
    expect(await other.sweep().round()).toBeUndefined()
    open()
    await first
    expect(new Set(here.target.revoked).size).toBe(here.target.revoked.length)
    expect(here.target.existing.size).toBe(0)
  })

  test('hand out nothing under a grant that the other one ended', async () => {
    const here = await start()
    const other = await here.replica()
    const [grant = { id: '', plan: '' }] = await fetched(here, 1)
    await other.fetch(grant)
    expect(here.target.existing.size).toBe(2)
    await other.end(grant)
    expect(here.target.existing.size).toBe(0)
    await expect(here.fetch(grant)).rejects.toMatchObject({ code: 'grant_ended' })
  })

  test('both know what the other could not finish', async () => {
    const here = await start()
    const other = await here.replica()
    const [grant = { id: '', plan: '' }] = await fetched(here, 1)
    here.target.beforeRevoke = down
    await here.end(grant)
    here.target.beforeRevoke = async () => undefined
    await other.sweep().round()
    expect(here.target.existing.size).toBe(0)
    expect(await here.statuses(grant)).toEqual(['revoked'])
  })
})

test('a sweep of nothing does nothing', async () => {
  const here = await start()
  expect(await here.sweep().round()).toBe(0)
  expect(new Target().existing.size).toBe(0)
})
