import { generateKeyPairSync } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cosignaturesOf } from '../../src/ledger/cosignature.ts'
import { parseNote, signatureLine } from '../../src/ledger/note.ts'
import { policyOf, witnessesOf } from '../../src/publish/configured.ts'
import { READERS } from '../../src/publish/published-log.ts'
import type { WitnessFailure } from '../../src/publish/witness.ts'
import { Witnessing, type WitnessingParts } from '../../src/publish/witnessing.ts'
import { logKeys } from '../ledger/file-log.ts'
import { seededKey } from '../ledger/seeded-key.ts'
import { startWitness, type TestWitness } from '../support/witness.ts'
import { GrowingLog, memoryStore, open } from './growing-log.ts'

const T0 = Date.parse('2026-11-20T10:00:00.000Z')
let time = T0
const now = () => new Date(time)
let witness: TestWitness
let second: TestWitness
let failures: [string, WitnessFailure][] = []
let log: GrowingLog
let store = memoryStore()

beforeEach(async () => {
  time = T0
  failures = []
  log = new GrowingLog(300)
  store = memoryStore()
  witness = await startWitness({ key: seededKey(2), logs: logKeys, now })
  second = await startWitness({
    name: 'witness.example/w2',
    key: generateKeyPairSync('ml-dsa-44').privateKey,
    logs: logKeys,
    now,
  })
})
afterEach(async () => {
  await witness.close()
  await second.close()
})

function witnessing(
  need: 'any' | 'all' = 'all',
  timeoutMs = 5_000,
  exclusively: WitnessingParts['exclusively'] = async (_task, run) => await run(),
): Witnessing {
  const section = {
    known: {
      first: { url: `${witness.url}/`, key: witness.vkey },
      second: { url: second.url, key: second.vkey },
    },
    groups: { enough: { of: ['first', 'second'], need } },
    quorum: 'enough',
  }
  return new Witnessing({
    witnesses: witnessesOf(section),
    policy: policyOf(section),
    log,
    open,
    published: store,
    exclusively,
    onFailure: (name, why) => failures.push([name, why]),
    now,
    timeoutMs,
  })
}

/** What readers get: its size, and who cosigned it. */
function served(): [number, string[]] | undefined {
  const published = store.places.get(READERS)
  if (published === undefined) return undefined
  const note = parseNote(published.note)
  const cosigned = cosignaturesOf(note, [witness.verifier, second.verifier])
  expect(open(published.note).size).toBe(published.size)
  return [published.size, cosigned.map(({ witness: name }) => name).sort()]
}

const BOTH = ['witness.example/w1', 'witness.example/w2']

describe('collecting cosignatures', () => {
  it('gives readers the newest checkpoint with all of them, and asks nobody again', async () => {
    const working = witnessing()
    await working.round()
    expect(served()).toEqual([300, BOTH])
    expect(working.view).toMatchObject({ headSize: 300, quorum: true })
    await working.round()
    expect(witness.requests).toHaveLength(1)
    expect(failures).toEqual([])
  })

  it('proves each checkpoint from the one before, without a conflict', async () => {
    const working = witnessing()
    for (const more of [0, 1, 211, 600]) {
      log.grow(more)
      await working.round()
    }
    expect(served()).toEqual([1112, BOTH])
    expect(witness.answers).toEqual([200, 200, 200, 200])
    expect(witness.requests[1]).toMatch(
      /^old 300\n([A-Za-z0-9+/]{43}=\n)+\nbroker\.example\/log\n301\n/,
    )
  })

  it('by another replica goes on where the first one stopped', async () => {
    await witnessing().round()
    log.grow(5)
    await witnessing().round()
    expect(served()).toEqual([305, BOTH])
    expect(witness.answers).toEqual([200, 200])
  })

  it('learns from a conflict where the witness is', async () => {
    await witnessing().round()
    log.grow(50)
    store.places.clear()
    await witnessing().round()
    expect(witness.answers).toEqual([200, 409, 200])
    expect(witness.requests[1]).toMatch(/^old 0\n\nbroker/)
    expect(served()).toEqual([350, BOTH])
    expect(failures).toEqual([])
  })

  it('puts the newest first, behind the signature of the log', async () => {
    second.misbehave((_request, response) => {
      response.writeHead(503).end()
      return true
    })
    const working = witnessing('any')
    await working.round()
    expect(served()).toEqual([300, ['witness.example/w1']])
    second.misbehave(undefined)
    time += 10_000
    await working.round()
    expect(served()).toEqual([300, BOTH])
    const names = parseNote(store.places.get(READERS)?.note ?? '').signatures.map(
      ({ name }) => name,
    )
    expect(names).toEqual(['broker.example/log', 'witness.example/w2', 'witness.example/w1'])
  })

  it('of an empty log waits for the first entry', async () => {
    log.replace(0)
    await witnessing().round()
    expect(served()).toBeUndefined()
    expect(witness.requests).toEqual([])
  })
})

it('replicas that work at the same moment do each thing once', async () => {
  const taken = new Set<string>()
  const exclusively = async <T>(task: string, run: () => Promise<T>) => {
    if (taken.has(task)) return undefined
    taken.add(task)
    try {
      return await run()
    } finally {
      taken.delete(task)
    }
  }
  const replicas = [1, 2, 3].map(() => witnessing('all', 5_000, exclusively))
  for (let round = 0; round < 5; round += 1) {
    log.grow(10)
    await Promise.all(replicas.map((each) => each.round()))
  }
  expect(served()).toEqual([350, BOTH])
  expect(witness.answers).toEqual([200, 200, 200, 200, 200])
  expect(failures).toEqual([])
})

describe('readers', () => {
  const away = (each: TestWitness) =>
    each.misbehave((_request, response) => {
      response.destroy()
      return true
    })

  it('keep the checkpoint with its quorum for a minute, then get a newer one without', async () => {
    const working = witnessing()
    await working.round()
    away(second)
    log.grow(10)
    await working.round()
    time += 59_000
    await working.round()
    expect(served()).toEqual([300, BOTH])
    expect(working.view.quorum).toBe(true)
    time += 2_000
    await working.round()
    expect(served()).toEqual([310, ['witness.example/w1']])
    expect(working.view.quorum).toBe(false)
    second.misbehave(undefined)
    time += 60_000
    await working.round()
    expect(served()).toEqual([310, BOTH])
  })

  it('never get a smaller checkpoint than before', async () => {
    const working = witnessing()
    away(witness)
    const sizes: number[] = []
    for (let step = 0; step < 12; step += 1) {
      if (step === 6) witness.misbehave(undefined)
      log.grow(1)
      time += 20_000
      await working.round()
      sizes.push(served()?.[0] ?? 0)
    }
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b))
    expect(sizes.at(-1)).toBe(312)
  })

  it('are not left with what was published before witnesses were switched off and on', async () => {
    await witnessing().round()
    log.grow(100)
    await witnessing().begin()
    expect(served()?.[0]).toBe(300)
    time += 301_000
    await witnessing().begin()
    expect(served()).toEqual([400, []])
  })
})

describe('what was stored', () => {
  it.each([
    ['is no note', 'hello'],
    [
      'is signed by nobody we know',
      'broker.example/log\n300\nWqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=\n\n— x AAAAAAAA\n',
    ],
  ])('and %s is published anew', async (_what, note) => {
    store.places.set(READERS, { size: 300, note, at: now() })
    const working = witnessing()
    await working.round()
    expect(served()).toEqual([300, BOTH])
    expect(working.view.quorum).toBe(true)
  })

  it('with a forged cosignature is published anew', async () => {
    const signed = Buffer.from(await log.checkpoint()).toString()
    const signature = Buffer.alloc(72, 1)
    const line = signatureLine({ ...witness.verifier, signature })
    store.places.set(READERS, { size: 300, note: signed + line, at: now() })
    await witnessing().round()
    expect(served()).toEqual([300, BOTH])
  })
})

describe('a witness that is away', () => {
  it('is asked again with growing pauses, and the other one is not held up', async () => {
    witness.misbehave((_request, response) => {
      response.writeHead(500).end()
      return true
    })
    const working = witnessing('any')
    const asked: number[] = []
    for (let second = 0; second < 130; second += 1) {
      time = T0 + second * 1000
      const before = witness.requests.length
      await working.round()
      if (witness.requests.length > before) asked.push(second)
    }
    expect(asked).toEqual([0, 2, 6, 14, 30, 62, 122])
    expect(served()).toEqual([300, ['witness.example/w2']])
  })
})

describe('a bad witness', () => {
  const forged = () => {
    const signature = Buffer.alloc(72, 7)
    signature.writeBigUInt64BE(BigInt(T0 / 1000))
    return signatureLine({ ...witness.verifier, signature })
  }
  const line = () => witness.cosign(parseNote(checkpointNow).text)
  let checkpointNow = ''
  beforeEach(async () => {
    checkpointNow = Buffer.from(await log.checkpoint()).toString()
  })

  const answer =
    (status: number, body: () => string | Buffer, type = 'text/plain') =>
    (_request: unknown, response: ServerResponse) => {
      response.writeHead(status, { 'content-type': type }).end(body())
      return true
    }
  const SIZE = 'text/x.tlog.size'

  it.each<[string, WitnessFailure, Parameters<TestWitness['misbehave']>[0]]>([
    ['answers garbage', 'malformed', answer(200, () => 'hello')],
    ['answers nothing', 'malformed', answer(200, () => '')],
    ['answers binary', 'malformed', answer(200, () => Buffer.alloc(100, 0xff))],
    ['puts a text before its line', 'malformed', answer(200, () => `other\n\n${line()}`)],
    ['puts a line behind an empty one', 'malformed', answer(200, () => `${line()}\n${line()}`)],
    ['leaves out the end of its line', 'malformed', answer(200, () => line().slice(0, -1))],
    ['answers a thousand lines', 'malformed', answer(200, () => line().repeat(500))],
    [
      'signs with another key',
      'not_cosigned',
      answer(200, () => line().replace(witness.name, 'witness.example/w9')),
    ],
    ['forges its own signature', 'forged', answer(200, forged)],
    [
      'cosigns something else',
      'forged',
      answer(200, () => witness.cosign(parseNote(checkpointNow).text.replace('300', '301'))),
    ],
    ['answers more than fits', 'too_large', answer(200, () => Buffer.alloc(100_000, 0x41))],
    [
      'sends us elsewhere',
      'redirected',
      (_request, response) => {
        response.writeHead(307, { location: 'http://127.0.0.1:1/add-checkpoint' }).end()
        return true
      },
    ],
    [
      'hangs up',
      'unreachable',
      (_request, response) => {
        response.destroy()
        return true
      },
    ],
    ['does not know our log', 'log_unknown', answer(404, () => '')],
    ['does not know our key', 'key_unknown', answer(403, () => '')],
    ['finds our proof wrong', 'proof_refused', answer(422, () => '')],
    ['cannot read us', 'bad_request', answer(400, () => '')],
    ['is ill', 'refused', answer(500, () => '')],
    ['answers success that is none', 'refused', answer(204, () => '')],
    ['remembers a larger log', 'remembers_otherwise', answer(409, () => '301\n', SIZE)],
    ['remembers another root', 'remembers_otherwise', answer(409, () => '', 'text/plain')],
    [
      'never agrees on a size',
      'unsettled',
      (request, response) =>
        answer(
          409,
          () => (request.body.startsWith('old 7\n') ? '8\n' : '7\n'),
          SIZE,
        )(request, response),
    ],
    ['names a size that is none', 'malformed', answer(409, () => '-1\n', SIZE)],
    ['names a size with a zero', 'malformed', answer(409, () => '07\n', SIZE)],
    ['names a size without an end', 'malformed', answer(409, () => '7', SIZE)],
    ['names a size beyond counting', 'malformed', answer(409, () => `${'9'.repeat(16)}\n`, SIZE)],
  ])('that %s is named, and stops nothing: %s', async (_what, why, how) => {
    witness.misbehave(how)
    await witnessing('any').round()
    expect(failures).toEqual([['first', why]])
    expect(served()).toEqual([300, ['witness.example/w2']])
  })

  it.each([
    ['never answers', () => true],
    [
      'never ends its answer',
      (_request: unknown, response: ServerResponse) => {
        response.writeHead(200)
        response.write('—')
        return true
      },
    ],
  ])('that %s is given up', async (_what, how) => {
    witness.misbehave(how)
    await witnessing('any', 100).round()
    expect(failures).toEqual([['first', 'timeout']])
    expect(served()).toEqual([300, ['witness.example/w2']])
  })

  it.each([-3600_000, 3600_000])(
    'whose clock is off by %s ms vouches for the wrong time',
    async (off) => {
      witness.misbehave((_request, response) => {
        time += off
        const body = witness.cosign(parseNote(checkpointNow).text)
        time -= off
        response.writeHead(200).end(body)
        return true
      })
      await witnessing('any').round()
      expect(failures).toEqual([['first', 'wrong_time']])
    },
  )
})

describe('a log that changed its past', () => {
  it('gets no cosignature: an older backup', async () => {
    await witnessing().round()
    log.replace(200)
    store.places.clear()
    await witnessing().round()
    expect(failures).toContainEqual(['first', 'remembers_otherwise'])
    expect(served()).toBeUndefined()
    expect(witness.memory.get('broker.example/log')?.size).toBe(300)
  })

  it.each([300, 400])('gets no cosignature: another history of %i entries', async (size) => {
    await witnessing().round()
    log.replace(size, 3)
    store.places.clear()
    await witnessing().round()
    expect(failures).toContainEqual(['first', 'proof_refused'])
    expect(served()).toBeUndefined()
  })
})
