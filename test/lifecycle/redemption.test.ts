import { describe, expect, test } from 'vitest'
import type { Grant } from '../../src/decision/decide.ts'
import { mintCredential } from '../../src/mint/mint.ts'
import { migratedDatabase, openLedger } from '../ledger/postgres/database.ts'
import { testPostgres } from '../support/postgres.ts'
import {
  down,
  gate,
  type Lifecycle,
  lifecycle,
  ORPHAN_AFTER_MS,
  StoppedClock,
  Target,
} from './parts.ts'

const postgres = testPostgres()

async function start(): Promise<Lifecycle> {
  const clock = new StoppedClock()
  const ledger = await openLedger(postgres, await migratedDatabase(postgres), { clock })
  return lifecycle(ledger, clock)
}

describe('a fetch', () => {
  test('is on the record before the target hears of it, and again before anybody has it', async () => {
    const here = await start()
    const grant = await here.grant()
    const seen: string[][] = []
    here.target.beforeMint = async () => void seen.push(await here.statuses(grant))
    await here.fetch(grant)
    expect(seen).toEqual([['requested']])
    expect(await here.statuses(grant)).toEqual(['minted'])
    expect(await here.kinds(grant)).toEqual([
      'grant.decided',
      'credential.requested',
      'credential.minted',
    ])
  })

  test.each([
    ['before it made anything', 'beforeMint'],
    ['after it made the credential', 'afterMint'],
  ] as const)(
    'whose target fails %s leaves nothing, is recorded as failed, and can be tried again',
    async (_what, when) => {
      const here = await start()
      const grant = await here.grant()
      here.target[when] = down
      await expect(here.fetch(grant)).rejects.toMatchObject({ code: 'target_unavailable' })
      expect([...here.target.existing]).toEqual([])
      expect(await here.statuses(grant)).toEqual(['failed'])
      here.target[when] = async () => undefined
      await here.fetch(grant)
      expect(await here.statuses(grant)).toEqual(['failed', 'minted'])
    },
  )

  test('whose preparation fails is on the record, with nothing made, and counts as a try', async () => {
    const here = await start()
    const grant = await here.grant()
    here.target.beforeRecord = down
    for (let tries = 0; tries < 10; tries += 1) {
      await expect(here.fetch(grant)).rejects.toMatchObject({ code: 'target_unavailable' })
    }
    await expect(here.fetch(grant)).rejects.toMatchObject({ code: 'rate_limited' })
    expect((await here.kinds(grant)).slice(0, 3)).toEqual([
      'grant.decided',
      'credential.requested',
      'credential.failed',
    ])
    expect(await here.statuses(grant)).toEqual(Array(10).fill('failed'))
    expect([...here.target.existing, ...here.target.revoked]).toEqual([])
  })

  test('whose preparation fails in words of its own says nothing of them', async () => {
    const here = await start()
    const grant = await here.grant()
    here.target.beforeRecord = async () => {
      throw new Error('password hunter2 refused')
    }
    const failure = await here.fetch(grant).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'internal', message: 'minting failed' })
  })

  test('whose target fails in words of its own says nothing of them', async () => {
    const here = await start()
    const grant = await here.grant()
    here.target.beforeMint = async () => {
      throw new Error('password hunter2 refused')
    }
    const failure = await here.fetch(grant).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'internal', message: 'minting failed' })
    expect(await here.statuses(grant)).toEqual(['failed'])
  })

  test('whose target goes away half-way is recorded as failed at once, and undone if it can be', async () => {
    const here = await start()
    const grant = await here.grant()
    here.target.afterMint = down
    here.target.beforeRevoke = down
    await expect(here.fetch(grant)).rejects.toMatchObject({ code: 'target_unavailable' })
    expect(await here.statuses(grant)).toEqual(['failed'])
    expect(here.target.revoked).toHaveLength(1)
  })

  test('that a crash cut off is undone by the sweep of another broker', async () => {
    const here = await start()
    const grant = await here.grant()
    const { pass, reached } = gate()
    here.target.afterMint = pass
    void here.fetch(grant).catch(() => undefined)
    await reached
    expect(here.target.existing.size).toBe(1)
    here.clock.move(ORPHAN_AFTER_MS)
    await here.sweep().round()
    expect([...here.target.existing]).toEqual([])
    expect(await here.statuses(grant)).toEqual(['failed'])
  })

  test('that is slower than the sweep waits gives nothing: its credential is gone already', async () => {
    const here = await start()
    const grant = await here.grant()
    const { pass, reached, open } = gate()
    here.target.beforeMint = pass
    const fetched = here.fetch(grant).catch((error: unknown) => error)
    await reached
    here.clock.move(ORPHAN_AFTER_MS)
    await here.sweep().round()
    open()
    expect(await fetched).toMatchObject({ code: 'grant_ended' })
    expect([...here.target.existing]).toEqual([])
    expect(await here.statuses(grant)).toEqual(['failed'])
    expect(await here.kinds(grant)).not.toContain('credential.minted')
  })

  test('during which the grant ends gives nothing, and leaves nothing', async () => {
    const here = await start()
    const grant = await here.grant()
    const { pass, reached, open } = gate()
    here.target.beforeMint = pass
    const fetched = here.fetch(grant).catch((error: unknown) => error)
    await reached
    await here.end(grant)
    open()
    expect(await fetched).toMatchObject({ code: 'grant_ended' })
    expect([...here.target.existing]).toEqual([])
    expect(await here.statuses(grant)).toEqual(['failed'])
  })

  test('during which the grant ends and the target goes down is not forgotten', async () => {
    const here = await start()
    const grant = await here.grant()
    const { pass, reached, open } = gate()
    here.target.afterMint = pass
    const fetched = here.fetch(grant).catch((error: unknown) => error)
    await reached
    here.target.beforeRevoke = down
    await here.end(grant)
    open()
    expect(await fetched).toMatchObject({ code: 'grant_ended' })
    expect(here.target.existing.size).toBe(1)
    here.target.beforeRevoke = async () => undefined
    here.clock.move(ORPHAN_AFTER_MS)
    await here.sweep().round()
    expect([...here.target.existing]).toEqual([])
    expect(await here.statuses(grant)).toEqual(['failed'])
  })

  test('during which the grant expires gives nothing, and leaves nothing', async () => {
    const here = await start()
    const grant = await here.grant()
    const { pass, reached, open } = gate()
    here.target.beforeMint = pass
    const fetched = here.fetch(grant).catch((error: unknown) => error)
    await reached
    here.clock.move(15 * 60_000)
    open()
    expect(await fetched).toMatchObject({ code: 'grant_ended' })
    expect([...here.target.existing]).toEqual([])
  })

  test('shares the mint of others that came at the same time', async () => {
    const here = await start()
    const grant = await here.grant()
    const { pass, reached, open } = gate()
    here.target.beforeMint = pass
    const all = [1, 2, 3, 4].map(() => here.fetch(grant))
    await reached
    open()
    expect(new Set(await Promise.all(all)).size).toBe(1)
    expect(await here.statuses(grant)).toEqual(['minted'])
  })

  test('on eight replicas mints eight times, and not a ninth', async () => {
    const here = await start()
    const grant = await here.grant()
    const replicas = Array.from({ length: 9 }, () =>
      lifecycle(here.ledger, here.clock, here.target),
    )
    for (const replica of replicas.slice(0, 8)) await replica.fetch(grant)
    await expect(replicas[8]?.fetch(grant)).rejects.toMatchObject({ code: 'limit_reached' })
    expect(here.target.existing.size).toBe(8)
    await here.end(grant)
    expect(here.target.existing.size).toBe(0)
  })

  test('that fails ten times within a minute has to wait, whatever replica it asks', async () => {
    const here = await start()
    const grant = await here.grant()
    const other = lifecycle(here.ledger, here.clock, here.target)
    here.target.beforeMint = down
    for (let tries = 0; tries < 10; tries += 1) {
      here.clock.move(1000)
      const replica = tries % 2 === 0 ? here : other
      await expect(replica.fetch(grant)).rejects.toMatchObject({ code: 'target_unavailable' })
    }
    here.target.beforeMint = async () => undefined
    for (const replica of [here, other]) {
      await expect(replica.fetch(grant)).rejects.toMatchObject({ code: 'rate_limited' })
    }
    expect(await here.statuses(grant)).toEqual(Array(10).fill('failed'))
    here.clock.move(51_000)
    await here.fetch(grant)
    expect(await here.statuses(grant)).toContain('minted')
  })

  test('of a target that the grant does not have is refused, without an entry', async () => {
    const here = await start()
    const grant = await here.grant()
    for (const target of ['other', 'constructor', '__proto__', 'toString', '']) {
      const fetched = here.broker.credential({
        grant: grant.id,
        plan: grant.plan,
        target,
        request: grant.id,
      })
      await expect(fetched).rejects.toMatchObject({ code: 'target_unknown' })
    }
    expect(await here.kinds(grant)).toEqual(['grant.decided'])
  })

  test('with another plan than the one decided on is refused and recorded', async () => {
    const here = await start()
    const grant = await here.grant()
    const other = { ...grant, plan: `sha256:${'0'.repeat(64)}` }
    await expect(here.fetch(other)).rejects.toMatchObject({ code: 'plan_changed' })
    expect(await here.kinds(grant)).toEqual(['grant.decided', 'credential.refused'])
    expect(here.target.existing.size).toBe(0)
  })

  test('under an id that nobody has is refused', async () => {
    const here = await start()
    const grant = { id: '01ARYZ6S410000000000000000', plan: `sha256:${'0'.repeat(64)}` }
    await expect(here.fetch(grant)).rejects.toMatchObject({ code: 'grant_not_found' })
  })
})

describe('minting', () => {
  /** Grants as nobody but `decide` makes them, made by others. */
  const FORGED: Record<string, (grant: Grant) => unknown> = {
    'a copy': (grant) => ({ ...grant }),
    'a clone': (grant) => structuredClone({ ...grant }),
    'an heir': (grant) => Object.create(grant),
    'a proxy': (grant) => new Proxy(grant, {}),
    'its JSON': (grant) => JSON.parse(JSON.stringify(grant)),
    'another object of its class': (grant) =>
      Object.setPrototypeOf({ ...grant }, Object.getPrototypeOf(grant)),
  }

  test.each(Object.entries(FORGED))(
    'under %s of a grant is refused at run time',
    async (_what, forge) => {
      const here = await start()
      const target = new Target()
      const caught: Grant[] = []
      const honest = target.mint.bind(target)
      here.target.mint = async (grant, name, handle) => {
        caught.push(grant)
        return await honest(grant, name, handle)
      }
      await here.fetch(await here.grant())
      const [grant] = caught
      if (grant === undefined) throw new Error('no grant')
      const handle = target.handle(grant, 'db', '01ARYZ6S410000000000000000')
      await expect(mintCredential(target, grant, 'db', handle)).resolves.toBeDefined()
      const forged = forge(grant) as Grant
      await expect(mintCredential(target, forged, 'db', handle)).rejects.toMatchObject({
        code: 'internal',
      })
    },
  )
})
