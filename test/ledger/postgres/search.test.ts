import { beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import { createSigner } from '../../../src/ledger/note.ts'
import { PostgresLedger } from '../../../src/ledger/postgres/ledger.ts'
import { migrate } from '../../../src/ledger/postgres/migrate.ts'
import type { EntryFilter } from '../../../src/ledger/search.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { testPostgres } from '../../support/postgres.ts'
import { allowed, at, caller, catalogue, denied, ended, id, minted, requested } from '../entries.ts'
import { seededKey } from '../seeded-key.ts'

const postgres = testPostgres()
let ledger: PostgresLedger

/** Minute after minute: a catalogue, five grants of two scopes with credentials, a refusal. */
const log: Entry[] = [
  catalogue(),
  ...[1, 2, 3, 4, 5].flatMap((number): Entry[] => {
    const grant = id(number * 10)
    const credential = id(number * 10 + 1)
    const change = {
      time: at(number * 3600),
      expires: at(number * 3600 + 900),
      ...(number % 2 === 0
        ? {
            scope: { name: 'other', digest: allowed(grant).scope.digest ?? 'sha256:' },
            caller: { ...caller, subject: 'agent-8' },
          }
        : {}),
    }
    return [
      allowed(grant, change),
      { ...requested(grant, 0, credential), time: at(number * 3600 + 1) },
      { ...minted(grant, 0, credential), time: at(number * 3600 + 2) },
    ]
  }),
  {
    ...denied(id(90)),
    time: at(6 * 3600),
    scope: { name: 'refused' },
    intent: '"kind":"grant.ended"',
  },
  { ...ended(id(10), 1), time: at(7 * 3600) },
]

beforeAll(async () => {
  const database = await postgres.database('search')
  const owner = await postgres.client({ database })
  await owner.query(`CREATE ROLE search_runtime LOGIN PASSWORD 'search_runtime'`)
  await migrate(owner, 'search_runtime')
  const connection = {
    host: postgres.host,
    port: postgres.port,
    database,
    user: 'search_runtime',
    password: async () => new Secret('search_runtime'),
    tls: undefined,
  }
  const signer = createSigner('broker.example/log', seededKey(1))
  ledger = await PostgresLedger.open({ connection, signer, clock: systemClock })
  for (const entry of log) await ledger.append(entry)
  return () => ledger.close()
})

/** The answer that needs no index: every entry of the log in turn. */
function expected(filter: EntryFilter): number[] {
  const grants = new Map(
    log.flatMap((entry) => (entry.kind === 'grant.decided' ? [[entry.grant, entry] as const] : [])),
  )
  const indexes = log.flatMap((entry, index) => {
    const grant = 'grant' in entry ? grants.get(entry.grant) : undefined
    const time = Date.parse(entry.time)
    const fit =
      (filter.kind === undefined || entry.kind === filter.kind) &&
      (filter.grant === undefined || ('grant' in entry && entry.grant === filter.grant)) &&
      (filter.scope === undefined || grant?.scope.name === filter.scope) &&
      (filter.environment === undefined || grant?.environment.name === filter.environment) &&
      (filter.subject === undefined || grant?.caller.subject === filter.subject) &&
      (filter.from === undefined || time >= filter.from.getTime()) &&
      (filter.until === undefined || time < filter.until.getTime())
    return fit ? [index] : []
  })
  return indexes.reverse()
}

const moment = (hours: number) => new Date(at(hours * 3600))

const FILTERS: Record<string, EntryFilter> = {
  'nothing in particular': {},
  'one kind': { kind: 'credential.minted' },
  'a kind that an intent only mentions': { kind: 'grant.ended' },
  'one grant': { grant: id(20) },
  'one grant and one kind': { grant: id(20), kind: 'credential.minted' },
  'a grant that is not there': { grant: id(99) },
  'one scope, credentials included': { scope: 'other' },
  'a scope of which there are refusals only': { scope: 'refused' },
  'one environment': { environment: 'staging' },
  'an environment that is not there': { environment: 'prod' },
  'one subject': { subject: 'agent-8' },
  'a subject with marks in it': { subject: `"'; DROP TABLE x; --` },
  'from a moment on': { from: moment(3) },
  'before a moment': { until: moment(3) },
  'between two moments': { from: moment(2), until: moment(4) },
  'between two moments that are the wrong way round': { from: moment(4), until: moment(2) },
  'before the first entry': { until: moment(-1) },
  'after the last one': { from: moment(9) },
  'everything at once': {
    scope: 'other',
    environment: 'staging',
    subject: 'agent-8',
    kind: 'credential.requested',
    from: moment(3),
    until: moment(5),
  },
}

describe('looking for', () => {
  test.each(Object.entries(FILTERS))(
    '%s finds what is there, newest first',
    async (_it, filter) => {
      const { entries } = await ledger.search.search(filter, { limit: 100, patienceMs: 10_000 })
      expect(entries.map(({ index }) => index)).toEqual(expected(filter))
      expect(entries.map(({ entry }) => entry)).toEqual(expected(filter).map((index) => log[index]))
    },
  )

  test.each(Object.entries(FILTERS))(
    '%s, page by page, misses and repeats nothing',
    async (_it, filter) => {
      const indexes: number[] = []
      for (let before: number | undefined, pages = 0; pages < 50; pages += 1) {
        const page = { limit: 2, patienceMs: 10_000, ...(before === undefined ? {} : { before }) }
        const { entries, next } = await ledger.search.search(filter, page)
        expect(entries.length).toBeLessThanOrEqual(2)
        indexes.push(...entries.map(({ index }) => index))
        if (next === undefined) break
        before = next
      }
      expect(indexes).toEqual(expected(filter))
    },
  )

  test('without patience says where to go on', async () => {
    const filter = { kind: 'grant.ended' } as const
    const page = { limit: 5, patienceMs: -1 }
    expect(await ledger.search.search(filter, page)).toEqual({ entries: [], next: log.length })
  })
})

describe('one entry', () => {
  test('comes with the bytes that were hashed', async () => {
    const found = await ledger.search.entry(1)
    expect(found?.entry).toEqual(log[1])
    expect(JSON.parse(Buffer.from(found?.bytes ?? []).toString())).toEqual(log[1])
  })

  test.each([-1, 0.5, Number.NaN, 1e300, 10_000])('is not there at %d', async (index) => {
    expect(await ledger.search.entry(index)).toBeUndefined()
  })
})
