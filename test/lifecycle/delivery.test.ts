import { describe, expect, test } from 'vitest'
import { systemRandom, ulid } from '../../src/clock.ts'
import type { Wrapped, Wrapping } from '../../src/mint/wrapping.ts'
import { Secret } from '../../src/secret/secret.ts'
import { migratedDatabase, openLedger } from '../ledger/postgres/database.ts'
import { testPostgres } from '../support/postgres.ts'
import { down, type Lifecycle, lifecycle, StoppedClock, Target } from './parts.ts'

const postgres = testPostgres()

/** Wrappings of which a test decides who opens them. */
class Wrappings implements Wrapping {
  readonly closed = new Set<string>()
  beforeLook: () => Promise<void> = async () => undefined
  #made = 0

  async wrap(_credential: unknown, seconds: number): Promise<Wrapped> {
    this.#made += 1
    const accessor = `accessor-${this.#made}`
    this.closed.add(accessor)
    const place = { address: 'https://vault.example.com', namespace: undefined }
    const made = { createdAt: '2026-11-20T12:00:00Z', creationPath: 'sys/wrapping/wrap' }
    return { token: new Secret(`s.${this.#made}`), accessor, seconds, ...made, ...place }
  }

  async isClosed(accessor: string): Promise<boolean> {
    await this.beforeLook()
    return this.closed.has(accessor)
  }

  async discard(accessor: string): Promise<void> {
    this.closed.delete(accessor)
  }
}

type World = Lifecycle & { readonly wrappings: Wrappings }

async function start(wrappings: Wrappings | undefined = new Wrappings()): Promise<World> {
  const clock = new StoppedClock()
  const ledger = await openLedger(postgres, await migratedDatabase(postgres), { clock })
  const target = Object.assign(new Target(), { wrapping: wrappings })
  return { ...lifecycle(ledger, clock, target), wrappings }
}

type Granted = { readonly id: string; readonly plan: string }

const fetchWrapped = ({ broker, clock }: Lifecycle, { id, plan }: Granted) =>
  broker.wrappedCredential(
    { grant: id, plan, target: 'db', request: ulid(clock, systemRandom) },
    60,
  )

const report = ({ broker, clock }: Lifecycle, { id }: Granted, accessor: string, target = 'db') =>
  broker.unwrapFailed({ grant: id, target, accessor, request: ulid(clock, systemRandom) })

describe('a wrapped credential', () => {
  test('is on the record, by its accessor alone, before anybody has it', async () => {
    const here = await start()
    const grant = await here.grant()
    const wrapped = await fetchWrapped(here, grant)
    expect(await here.kinds(grant)).toEqual([
      'grant.decided',
      'credential.requested',
      'credential.minted',
      'credential.wrapped',
    ])
    const [entry] = (await here.ledger.log.entriesOfGrant(grant.id)).slice(-1)
    const text = Buffer.from(entry?.bytes ?? []).toString()
    expect(JSON.parse(text)).toMatchObject({ accessor: wrapped.accessor, target: 'db' })
    expect(text).not.toContain(wrapped.token.reveal())
  })

  test('is the same credential again for whoever asks again, in another wrapping', async () => {
    const here = await start()
    const grant = await here.grant()
    const [first, second] = [await fetchWrapped(here, grant), await fetchWrapped(here, grant)]
    expect(first.accessor).not.toBe(second.accessor)
    expect(here.target.existing.size).toBe(1)
  })

  test('is given 32 times and no more: each is an entry', async () => {
    const here = await start()
    const grant = await here.grant()
    for (let times = 0; times < 32; times += 1) await fetchWrapped(here, grant)
    await expect(fetchWrapped(here, grant)).rejects.toMatchObject({ code: 'limit_reached' })
    expect(here.wrappings.closed.size).toBe(32)
  })

  test('opens for nobody when it could not be recorded', async () => {
    const here = await start()
    const grant = await here.grant()
    await here.fetch(grant)
    const { wrap } = here.wrappings
    here.wrappings.wrap = async (...all) => {
      const made = await wrap.apply(here.wrappings, all)
      await here.end(grant)
      return made
    }
    await expect(fetchWrapped(here, grant)).rejects.toMatchObject({ code: 'grant_ended' })
    expect(here.wrappings.closed.size).toBe(0)
  })

  test('is refused where nothing can wrap, and nothing is minted for it', async () => {
    const here = lifecycle((await start()).ledger, new StoppedClock())
    const grant = await here.grant()
    await expect(fetchWrapped(here, grant)).rejects.toMatchObject({ code: 'request_invalid' })
    expect(await here.kinds(grant)).toEqual(['grant.decided'])
  })
})

describe('a report that a wrapping could not be opened', () => {
  test('changes nothing while it is closed: nobody has the credential', async () => {
    const here = await start()
    const grant = await here.grant()
    const { accessor } = await fetchWrapped(here, grant)
    expect(await report(here, grant, accessor)).toBe('closed')
    expect((await here.kinds(grant)).at(-1)).toBe('credential.wrapped')
    expect(here.target.existing.size).toBe(1)
  })

  test.each([
    ['before its time', 10_000, 'taken'],
    ['after its time', 61_000, 'lapsed'],
  ])(
    '%s is an alarm in the log, and ends the grant with its credential',
    async (_when, ms, finding) => {
      const here = await start()
      const grant = await here.grant()
      const { accessor } = await fetchWrapped(here, grant)
      here.wrappings.closed.delete(accessor)
      here.clock.move(ms)
      expect(await report(here, grant, accessor)).toBe(finding)
      expect((await here.kinds(grant)).slice(-3)).toEqual([
        'credential.wrapping_alarm',
        'grant.ended',
        'credential.revoked',
      ])
      const entries = await here.ledger.log.entriesOfGrant(grant.id)
      const alarm = JSON.parse(Buffer.from(entries.at(-3)?.bytes ?? []).toString())
      expect(alarm).toMatchObject({ accessor, finding, target: 'db' })
      expect([...here.target.existing]).toEqual([])
      await expect(here.fetch(grant)).rejects.toMatchObject({ code: 'grant_ended' })
      await expect(report(here, grant, accessor)).rejects.toMatchObject({ code: 'grant_ended' })
    },
  )

  test('ends the credential also when the target is down just then: the sweep does it', async () => {
    const here = await start()
    const grant = await here.grant()
    const { accessor } = await fetchWrapped(here, grant)
    here.wrappings.closed.delete(accessor)
    here.target.beforeRevoke = down
    expect(await report(here, grant, accessor)).toBe('taken')
    expect(here.target.existing.size).toBe(1)
    here.target.beforeRevoke = async () => undefined
    await here.sweep().round()
    expect(here.target.existing.size).toBe(0)
  })

  test('that Vault cannot be asked about is not decided', async () => {
    const here = await start()
    const grant = await here.grant()
    const { accessor } = await fetchWrapped(here, grant)
    here.wrappings.beforeLook = down
    await expect(report(here, grant, accessor)).rejects.toMatchObject({
      code: 'target_unavailable',
    })
    expect((await here.kinds(grant)).at(-1)).toBe('credential.wrapped')
  })

  test('is for wrappings of this grant and target alone', async () => {
    const here = await start()
    const [mine, other] = [await here.grant(), await here.grant('agent-2')]
    const { accessor } = await fetchWrapped(here, other)
    here.wrappings.closed.delete(accessor)
    await expect(report(here, mine, accessor)).rejects.toMatchObject({ code: 'not_found' })
    await expect(report(here, other, accessor, 'exports')).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(report(here, other, 'accessor-9')).rejects.toMatchObject({ code: 'not_found' })
    expect((await here.kinds(other)).at(-1)).toBe('credential.wrapped')
  })

  test('made twice at the same time is one alarm', async () => {
    const here = await start()
    const grant = await here.grant()
    const { accessor } = await fetchWrapped(here, grant)
    here.wrappings.closed.delete(accessor)
    await Promise.allSettled([report(here, grant, accessor), report(here, grant, accessor)])
    const kinds = await here.kinds(grant)
    expect(kinds.filter((kind) => kind === 'grant.ended')).toHaveLength(1)
    expect([...here.target.existing]).toEqual([])
  })
})
