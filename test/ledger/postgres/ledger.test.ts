import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { leafHash } from '../../../src/ledger/merkle.ts'
import { parseVkey } from '../../../src/ledger/note.ts'
import type { PostgresLedger } from '../../../src/ledger/postgres/ledger.ts'
import { verifyReceipt } from '../../../src/ledger/receipt.ts'
import { decodeBundle } from '../../../src/ledger/tile.ts'
import { testPostgres } from '../../support/postgres.ts'
import {
  allowed,
  at,
  catalogue,
  denied,
  ended,
  failed,
  id,
  minted,
  refused,
  requested,
  revoked,
  T0,
} from '../entries.ts'
import { root as referenceRoot } from '../reference-tree.ts'
import { migratedDatabase, openLedger, signer } from './database.ts'

const postgres = testPostgres()
const keys = [parseVkey(signer.vkey)]
const now = (seconds: number) => new Date(T0 + seconds * 1000)

async function fresh(): Promise<PostgresLedger> {
  return await openLedger(postgres, await migratedDatabase(postgres))
}

async function head(ledger: PostgresLedger) {
  return openCheckpoint(await ledger.log.checkpoint(), keys)
}

describe('appending', () => {
  it('gives each entry its place, and signs the tree over exactly those bytes', async () => {
    const ledger = await fresh()
    const first = await ledger.append(catalogue())
    const second = await ledger.append(allowed(id(2)))
    expect([first.index, second.index]).toEqual([0, 1])
    const { size, root } = await head(ledger)
    expect(size).toBe(2)
    expect(root).toEqual(referenceRoot([first.leaf, second.leaf]))
    const bundle = await ledger.log.entries(0, 2)
    const bodies = decodeBundle(bundle!, { index: 0, width: 2 })
    expect(bodies.map(leafHash)).toEqual([first.leaf, second.leaf])
    expect(JSON.parse(bodies[1]!.toString())).toEqual(allowed(id(2)))
  })

  it('shares transactions between concurrent appends, in the order they came', async () => {
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database)
    const appended = await Promise.all(
      Array.from({ length: 500 }, (_, number) => ledger.append(denied(id(number)))),
    )
    expect(appended.map(({ index }) => index)).toEqual(Array.from({ length: 500 }, (_, i) => i))
    expect(await transactions(database)).toBeLessThan(5)
    expect((await head(ledger)).root).toEqual(referenceRoot(appended.map(({ leaf }) => leaf)))
  })

  it('goes on after a restart where it stopped, over tile borders', async () => {
    const database = await migratedDatabase(postgres)
    const leaves: Buffer[] = []
    for (const count of [1, 254, 1, 1, 300, 255]) {
      const ledger = await openLedger(postgres, database)
      const entries = Array.from({ length: count }, () => ledger.append(catalogue()))
      for (const { leaf } of await Promise.all(entries)) leaves.push(leaf)
      expect((await head(ledger)).root, `size ${leaves.length}`).toEqual(referenceRoot(leaves))
      await ledger.close()
    }
  })

  it('refuses an entry that is none, or too large, and records nothing', async () => {
    const ledger = await fresh()
    const secret = { ...catalogue(), password: 'hunter2' }
    await expect(ledger.append(secret)).rejects.toMatchObject({ code: 'internal' })
    const long = Object.fromEntries(
      Array.from({ length: 800 }, (_, i) => [`parameter-${i}`, 'x'.repeat(80)]),
    )
    const large = ledger.append(allowed(id(1), { parameters: long }))
    await expect(large).rejects.toMatchObject({ code: 'request_too_large' })
    expect((await head(ledger)).size).toBe(0)
  })

  it('takes text of every kind unharmed', async () => {
    const ledger = await fresh()
    const intent = `NUL \0, quote ' " \\, newline \n, 'ü€😀', $$ \u2028 {}`
    await ledger.append(allowed(id(1), { intent, parameters: { 'a"b': "'); DROP TABLE x" } }))
    expect((await ledger.grant(id(1)))?.intent).toBe(intent)
    await expect(ledger.append(allowed(id(2), { intent: '\ud800' }))).rejects.toThrow()
    await ledger.append(catalogue())
    expect((await head(ledger)).size).toBe(2)
  })
})

describe('grant state', () => {
  it('is what the entries say', async () => {
    const ledger = await fresh()
    await ledger.append(allowed(id(1)))
    await ledger.append(denied(id(2)))
    expect(await ledger.grant(id(1))).toMatchObject({
      id: id(1),
      scope: 'backfill-order-totals',
      environment: 'staging',
      parameters: { ticket: 'ORD-481' },
      caller: { issuer: 'agents', subject: 'agent-7' },
      issuedAt: now(0),
      expiresAt: now(900),
      ended: undefined,
      lastIndex: 0,
    })
    expect(await ledger.grant(id(2))).toBeUndefined()
    await ledger.append(ended(id(1), 0))
    expect(await ledger.grant(id(1))).toMatchObject({
      ended: { at: now(4), cause: 'caller' },
      lastIndex: 2,
    })
  })

  it('follows a credential from request to outcome', async () => {
    const ledger = await fresh()
    await ledger.append(allowed(id(1)))
    await ledger.append(requested(id(1), 0, id(11)))
    const state = { id: id(11), grant: id(1), target: 'orders-db', environment: 'staging' }
    expect(await ledger.credentials(id(1))).toEqual([
      {
        ...state,
        handle: { kind: 'postgres', login: 'cbg_x', group: 'cbs_x' },
        status: 'requested',
        requestedAt: now(1),
        expiresAt: undefined,
      },
    ])
    await ledger.append(minted(id(1), 1, id(11)))
    expect(await ledger.credentials(id(1))).toMatchObject([
      { status: 'minted', expiresAt: now(900) },
    ])
    await ledger.append(revoked(id(1), 2, id(11)))
    expect(await ledger.credentials(id(1))).toMatchObject([{ status: 'revoked' }])
    expect((await ledger.grant(id(1)))?.lastIndex).toBe(3)
    expect(await ledger.credentials(id(9))).toEqual([])
  })

  it('lists grants newest first, by every filter, page by page', async () => {
    const ledger = await fresh()
    for (const number of [1, 2, 3]) await ledger.append(allowed(id(number)))
    const other = { scope: { name: 'other', digest: allowed(id(4)).scope.digest! } }
    await ledger.append(allowed(id(4), { ...other, environment: { name: 'dev' } }))
    await ledger.append(ended(id(2), 1))
    const ids = async (filter: object) =>
      (await ledger.grants({ limit: 10, ...filter })).map((grant) => grant.id)
    expect(await ids({})).toEqual([4, 3, 2, 1].map(id))
    expect(await ids({ live: true })).toEqual([4, 3, 1].map(id))
    expect(await ids({ live: false })).toEqual([id(2)])
    expect(await ids({ scope: 'other' })).toEqual([id(4)])
    expect(await ids({ environment: 'dev' })).toEqual([id(4)])
    expect(await ids({ class: 'human' })).toEqual([])
    expect(await ids({ owner: { issuer: 'agents', subject: 'agent-8' } })).toEqual([])
    expect(await ids({ owner: { issuer: 'agents', subject: 'agent-7' }, limit: 2 })).toEqual(
      [4, 3].map(id),
    )
    expect(await ids({ before: id(3) })).toEqual([2, 1].map(id))
    expect(await ids({ scope: "' OR true --" })).toEqual([])
  })

  it('knows what is expired and what still needs work at a target', async () => {
    const ledger = await fresh()
    await ledger.append(allowed(id(1), { expires: at(60) }))
    await ledger.append(allowed(id(2), { expires: at(30) }))
    await ledger.append(requested(id(1), 0, id(11)))
    await ledger.append(requested(id(2), 1, id(12)))
    await ledger.append(minted(id(1), 2, id(11)))
    expect((await ledger.expired(now(29), 9)).map((grant) => grant.id)).toEqual([])
    expect((await ledger.expired(now(60), 9)).map((grant) => grant.id)).toEqual([id(2), id(1)])
    expect((await ledger.expired(now(60), 1)).map((grant) => grant.id)).toEqual([id(2)])
    expect((await ledger.unfinished(now(0), 9)).map((each) => each.id)).toEqual([id(12)])
    await ledger.append(ended(id(1), 4))
    await ledger.append(failed(id(2), 3, id(12)))
    expect((await ledger.unfinished(now(0), 9)).map((each) => each.id)).toEqual([id(11)])
    expect((await ledger.expired(now(60), 9)).map((grant) => grant.id)).toEqual([id(2)])
    await ledger.append(revoked(id(1), 5, id(11)))
    expect(await ledger.unfinished(now(0), 9)).toEqual([])
  })

  it('counts the use of a scope in an environment', async () => {
    const ledger = await fresh()
    const usage = (seconds: number) =>
      ledger.usage('backfill-order-totals', 'staging', now(seconds))
    for (const number of [1, 2]) await ledger.append(allowed(id(number)))
    await ledger.append(denied(id(3)))
    await ledger.append(ended(id(2), 1))
    expect(await usage(5)).toEqual({ liveGrants: 1, grantsLastDay: 2 })
    expect(await usage(900)).toEqual({ liveGrants: 0, grantsLastDay: 2 })
    expect(await usage(86_400)).toEqual({ liveGrants: 0, grantsLastDay: 0 })
    expect(await ledger.usage('other', 'staging', now(5))).toEqual({
      liveGrants: 0,
      grantsLastDay: 0,
    })
  })
})

describe('guards', () => {
  const bound = (limits: object) => ({
    usage: { scope: 'backfill-order-totals', environment: 'staging', ...limits },
  })

  it.each([
    ['live grants', { liveGrants: 3 }],
    ['grants of a day', { grantsPerDay: 3 }],
  ])('hold a limit of %s exactly, however many ask at once', async (_, limits) => {
    const ledger = await fresh()
    const answers = await Promise.allSettled(
      Array.from({ length: 50 }, (_, number) => ledger.append(allowed(id(number)), bound(limits))),
    )
    const codes = answers.map((each) => (each.status === 'rejected' ? each.reason.code : 'ok'))
    expect(codes.slice(0, 3)).toEqual(['ok', 'ok', 'ok'])
    expect(new Set(codes.slice(3))).toEqual(new Set(['limit_reached']))
    expect((await head(ledger)).size).toBe(3)
  })

  it('refuse only their own entry: the rest of the batch goes through', async () => {
    const ledger = await fresh()
    await ledger.append(allowed(id(1)))
    const answers = await Promise.allSettled([
      ledger.append(catalogue()),
      ledger.append(allowed(id(2)), bound({ liveGrants: 1 })),
      ledger.append(denied(id(3))),
      ledger.append(requested(id(99), 0, id(11)), { grant: 'live' }),
      ledger.append(allowed(id(4))),
    ])
    expect(answers.map((each) => each.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    const indexes = answers.flatMap((each) =>
      each.status === 'fulfilled' ? [each.value.index] : [],
    )
    expect(indexes).toEqual([1, 2, 3])
  })

  it('let nothing happen under a grant that has ended or expired', async () => {
    const ledger = await fresh()
    await ledger.append(allowed(id(1), { expires: at(60) }))
    const request = (seconds: number) => requested(id(1), 0, id(seconds), seconds)
    await ledger.append(request(59), { grant: 'live' })
    await expect(ledger.append(request(60), { grant: 'live' })).rejects.toMatchObject({
      code: 'grant_ended',
    })
    await ledger.append(request(61), { grant: 'unended' })
    await ledger.append(ended(id(1), 0), { grant: 'unended' })
    for (const guard of [{ grant: 'live' }, { grant: 'unended' }] as const) {
      await expect(ledger.append(request(30), guard)).rejects.toMatchObject({ code: 'grant_ended' })
    }
  })

  it('let a grant end once, and a credential have one last outcome, in any race', async () => {
    const ledger = await fresh()
    await ledger.append(allowed(id(1)))
    await ledger.append(requested(id(1), 0, id(11)))
    const ends = Array.from({ length: 20 }, () =>
      ledger.append(ended(id(1), 1), { grant: 'unended' }),
    )
    const outcomes = Array.from({ length: 20 }, () =>
      ledger.append(failed(id(1), 1, id(11)), { credential: 'open' }),
    )
    const mints = Array.from({ length: 20 }, () =>
      ledger.append(minted(id(1), 1, id(11)), { grant: 'live' }),
    )
    const won = async (all: Promise<unknown>[]) =>
      (await Promise.allSettled(all)).filter((each) => each.status === 'fulfilled').length
    // The end came first, so no credential became usable under the ended grant.
    expect(await Promise.all([won(ends), won(outcomes), won(mints)])).toEqual([1, 1, 0])
    expect((await head(ledger)).size).toBe(4)
  })

  it('see what an entry just before them changed', async () => {
    const ledger = await fresh()
    const issue = ledger.append(allowed(id(1)), bound({ liveGrants: 1 }))
    const use = ledger.append(requested(id(1), 0, id(11)), { grant: 'live' })
    const end = ledger.append(ended(id(1), 1), { grant: 'unended' })
    const late = ledger.append(requested(id(1), 2, id(12)), { grant: 'live' })
    await Promise.all([issue, use, end])
    await expect(late).rejects.toMatchObject({ code: 'grant_ended' })
  })

  it('without anything to look at are refused', async () => {
    const ledger = await fresh()
    await expect(ledger.append(catalogue(), { grant: 'live' })).rejects.toThrow(/cannot have/)
    const entry = refused(id(1), 0)
    await expect(ledger.append(entry, { credential: 'open' })).rejects.toThrow(/cannot have/)
  })
})

describe('the published log', () => {
  it('has a signed checkpoint even when it is empty', async () => {
    const ledger = await fresh()
    expect(await head(ledger)).toMatchObject({ size: 0, origin: 'broker.example/log' })
    expect(await ledger.log.receipt(0)).toBeUndefined()
    expect(await ledger.log.tile(0, 0, 1)).toBeUndefined()
  })

  it('has every tile and bundle of its tree and nothing beyond', async () => {
    const ledger = await fresh()
    const all = Array.from({ length: 600 }, () => ledger.append(catalogue()))
    const leaves = (await Promise.all(all)).map(({ leaf }) => leaf)
    const { log } = ledger
    expect(await log.tile(0, 0, 256)).toEqual(Buffer.concat(leaves.slice(0, 256)))
    expect(await log.tile(0, 0, 7)).toEqual(Buffer.concat(leaves.slice(0, 7)))
    expect(await log.tile(0, 2, 88)).toEqual(Buffer.concat(leaves.slice(512)))
    expect(await log.tile(0, 2, 87)).toEqual(Buffer.concat(leaves.slice(512, 599)))
    expect(await log.tile(1, 0, 2)).toEqual(
      Buffer.concat([referenceRoot(leaves.slice(0, 256)), referenceRoot(leaves.slice(256, 512))]),
    )
    expect(decodeBundle((await log.entries(2, 88))!, { index: 2, width: 88 })).toHaveLength(88)
    const absent = [log.tile(0, 2, 89), log.tile(0, 2, 256), log.tile(1, 0, 3), log.tile(2, 0, 1)]
    const wild = [log.tile(64, 0, 1), log.tile(-1, 0, 1), log.tile(0, -1, 1), log.tile(0, 0.5, 1)]
    const odd = [log.tile(0, 0, 0), log.tile(0, 0, 257), log.entries(2, 89), log.entries(-1, 1)]
    expect(await Promise.all([...absent, ...wild, ...odd])).toEqual(Array(12).fill(undefined))
  })

  it('gives a receipt for every entry, which nothing but the key verifies', async () => {
    const ledger = await fresh()
    await ledger.append(allowed(id(1)))
    await Promise.all(Array.from({ length: 520 }, () => ledger.append(catalogue())))
    await ledger.append(ended(id(1), 0))
    const entries = await ledger.log.entriesOfGrant(id(1))
    expect(entries.map(({ index }) => index)).toEqual([0, 521])
    for (const { index, bytes } of entries) {
      const receipt = (await ledger.log.receipt(index))!
      expect(verifyReceipt(receipt, bytes, keys)).toMatchObject({ index })
      expect(() => verifyReceipt(receipt, Buffer.from('{}'), keys)).toThrow(/is not number/)
      expect(() => verifyReceipt(receipt.replace(/index \d+/, 'index 7'), bytes, keys)).toThrow()
    }
    expect(await ledger.log.receipt(522)).toBeUndefined()
    expect(await ledger.log.receipt(-1)).toBeUndefined()
  })
})

describe('running as one of several', () => {
  it('does a task only once at a time, and again when it is done', async () => {
    const database = await migratedDatabase(postgres)
    const [one, two] = [await openLedger(postgres, database), await openLedger(postgres, database)]
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const first = one.exclusively('sweep', async () => {
      begun.resolve()
      await gate.promise
      return 'done'
    })
    await begun.promise
    expect(await two.exclusively('sweep', async () => 'free')).toBeUndefined()
    expect(await two.exclusively('other', async () => 'other task')).toBe('other task')
    gate.resolve()
    expect(await first).toBe('done')
    await expect.poll(() => two.exclusively('sweep', async () => 'again')).toBe('again')
  })

  it('gives up the task when it fails', async () => {
    const ledger = await fresh()
    const failing = ledger.exclusively('sweep', () => Promise.reject(new Error('target down')))
    await expect(failing).rejects.toThrow('target down')
    await expect.poll(() => ledger.exclusively('sweep', async () => 1)).toBe(1)
  })
})

/** Transactions that wrote the entries that are there now. */
async function transactions(database: string): Promise<number> {
  const { rows } = await postgres
    .pool(database)
    .query('SELECT count(DISTINCT xmin::text) AS count FROM credctl_ledger.entries')
  return Number(rows[0].count)
}
