import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CredctlError } from '../../src/errors.ts'
import type { Anchor, Anchored } from '../../src/publish/anchor.ts'
import { fileAnchor } from '../../src/publish/anchor-file.ts'
import { Anchoring, checkAnchor } from '../../src/publish/anchoring.ts'
import { GrowingLog, memoryStore, open } from './growing-log.ts'

const T0 = Date.parse('2026-11-20T10:00:00.000Z')
let time = T0
let log: GrowingLog
let store = memoryStore()
let failures: unknown[] = []
let directory = ''

beforeEach(async () => {
  time = T0
  log = new GrowingLog(300)
  store = memoryStore()
  failures = []
  directory = await mkdtemp(join(tmpdir(), 'credctl-anchoring-'))
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

function memoryAnchor() {
  const put: Anchored[] = []
  const state = { broken: false }
  const anchor: Anchor = {
    put: async (checkpoint) => {
      if (state.broken) throw new CredctlError('unavailable', 'the anchor is away')
      put.push(checkpoint)
    },
    read: async () => ({ kept: put.map(({ note }) => ({ note })), unreadable: 0 }),
  }
  return { anchor, put, state, sizes: () => put.map(({ size }) => size) }
}

function anchoring(anchor: Anchor): Anchoring {
  return new Anchoring(
    { name: 'kept', anchor, everyMs: 600_000 },
    {
      now: () => new Date(time),
      log,
      open,
      published: store,
      exclusively: async (_task, run) => await run(),
      onFailure: (_name, error) => failures.push(error),
    },
  )
}

describe('an anchor', () => {
  it('gets a checkpoint when there is a new one, and not more often than it should', async () => {
    const place = memoryAnchor()
    const working = anchoring(place.anchor)
    for (let minute = 0; minute < 30; minute += 1) {
      if (minute < 15) log.grow(1)
      time = T0 + minute * 60_000
      await working.round()
    }
    expect(place.sizes()).toEqual([301, 311, 315])
    expect(working.view).toMatchObject({ behind: 0 })
  })

  it('gets each one once, however many replicas there are', async () => {
    const place = memoryAnchor()
    await anchoring(place.anchor).round()
    await anchoring(place.anchor).round()
    expect(place.sizes()).toEqual([300])
  })

  it('that is away is tried again with pauses, and its lag shows', async () => {
    const place = memoryAnchor()
    place.state.broken = true
    const working = anchoring(place.anchor)
    for (let second = 0; second < 60; second += 1) {
      time = T0 + second * 1000
      await working.round()
    }
    expect(failures).toHaveLength(5)
    expect(working.view).toEqual({ behind: 300, at: undefined })
    place.state.broken = false
    time += 60_000
    await working.round()
    expect(place.sizes()).toEqual([300])
    expect(working.view.behind).toBe(0)
  })

  it('that hangs is given up', async () => {
    vi.useFakeTimers()
    const hanging = { put: () => new Promise<never>(() => undefined), read: () => Promise.reject() }
    const round = anchoring(hanging).round()
    await vi.advanceTimersByTimeAsync(20_000)
    await round
    expect(failures).toMatchObject([{ code: 'unavailable' }])
  })

  it('of an empty log waits for the first entry', async () => {
    const place = memoryAnchor()
    log.replace(0)
    await anchoring(place.anchor).round()
    expect(place.sizes()).toEqual([])
  })
})

describe('a broker that starts', () => {
  const parts = () => ({ log, open })
  const place = () => ({
    name: 'kept',
    anchor: fileAnchor(join(directory, 'anchor.jsonl')),
    everyMs: 1,
  })
  const keep = async () => {
    const { origin, size, root, signed } = open(await log.checkpoint())
    await place().anchor.put({ origin, size, root, note: signed })
  }

  it('goes on with the log that the anchor knows, and with one that grew since', async () => {
    await keep()
    await expect(checkAnchor(place(), parts())).resolves.toBeUndefined()
    log.grow(77)
    await expect(checkAnchor(place(), parts())).resolves.toBeUndefined()
  })

  it.each<[string, () => void, string]>([
    [
      'an older backup',
      () => log.replace(200),
      'it has 200 entries, anchor kept holds a checkpoint of 300',
    ],
    ['an empty database', () => log.replace(0), 'it has 0 entries, anchor kept holds'],
    [
      'another history of the same size',
      () => log.replace(300, 3),
      'its first 300 entries are not',
    ],
    ['another history that is longer', () => log.replace(500, 3), 'its first 300 entries are not'],
  ])('finds %s by name', async (_what, restore, message) => {
    await keep()
    restore()
    const check = checkAnchor(place(), parts())
    await expect(check).rejects.toMatchObject({ code: 'ledger_diverged' })
    await expect(check).rejects.toThrow(message)
  })

  it('passes over what the log never signed', async () => {
    await keep()
    const forged = Buffer.from(await new GrowingLog(999).checkpoint()).toString()
    const note = forged.replace('broker.example/log\n999', 'broker.example/log\n9990')
    await place().anchor.put({ ...open(await log.checkpoint()), note })
    await expect(checkAnchor(place(), parts())).resolves.toBeUndefined()
  })

  it('says that an anchor cannot be read', async () => {
    await expect(checkAnchor(place(), parts())).rejects.toMatchObject({ code: 'unavailable' })
  })
})
