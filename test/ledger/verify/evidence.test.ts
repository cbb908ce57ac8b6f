import { sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { cosignedMessage } from '../../../src/ledger/cosignature.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import { announce } from '../../../src/ledger/key-change.ts'
import {
  createSigner,
  ED25519_COSIGNATURE,
  parseNote,
  parseVkey,
  signatureLine,
  vkeyOf,
} from '../../../src/ledger/note.ts'
import { parsePolicy } from '../../../src/ledger/policy.ts'
import { Clocks } from '../../../src/ledger/verify/clocks.ts'
import type { SeenHead } from '../../../src/ledger/verify/seen.ts'
import { verifyLog } from '../../../src/ledger/verify/verify.ts'
import { at, catalogue, id, T0 } from '../entries.ts'
import { type FileLog, logKeys, logSigner, writeLog } from '../file-log.ts'
import { rawKey, seededKey } from '../seeded-key.ts'

/** One entry a minute. */
const minutes = (count: number): Entry[] =>
  Array.from({ length: count }, (_, minute) => catalogue(minute * 60))
const full = writeLog(minutes(300))

function headOf(size: number, change: Partial<SeenHead> = {}): SeenHead {
  const { root } = openCheckpoint(writeLog(minutes(size)).files.get('checkpoint')!, logKeys)
  return { size, root, by: { kind: 'remembered', name: 'this machine' }, ...change }
}
const anchored = (size: number, time?: Date): SeenHead =>
  headOf(size, { by: { kind: 'anchor', name: 'archive' }, ...(time && { time }) })

const witnessKey = parseVkey(vkeyOf('witness.example/w1', ED25519_COSIGNATURE, rawKey(2)))
const policy = parsePolicy(`witness w ${witnessKey.vkey}\nquorum w\n`)

function cosigned(log: FileLog, time: Date, key = seededKey(2)): FileLog {
  const signed = log.files.get('checkpoint')!.toString()
  const seconds = BigInt(Math.floor(time.getTime() / 1000))
  const stamp = Buffer.alloc(8)
  stamp.writeBigUInt64BE(seconds)
  const message = cosignedMessage(witnessKey, seconds, parseNote(signed).text)
  const signature = Buffer.concat([stamp, sign(null, message, key)])
  const copy = writeLog([])
  for (const [path, bytes] of log.files) copy.files.set(path, bytes)
  copy.files.set('checkpoint', Buffer.from(signed + signatureLine({ ...witnessKey, signature })))
  return copy
}

async function excluded(log: FileLog, options: object = {}) {
  const { exclusions } = await verifyLog(log, { keys: logKeys, ...options })
  return Object.fromEntries(
    exclusions.map(({ attack, excluded: is, from, to, by }) => [
      attack,
      is ? [from, to, ...by] : false,
    ]),
  )
}
const NOTHING = {
  altered_entry: false,
  removed_entry: false,
  cut_tail: false,
  forked_history: false,
  backdated_entry: false,
}

describe('the evidence at hand', () => {
  it('of a signature alone excludes nothing that the key itself could do', async () => {
    expect(await excluded(full)).toEqual(NOTHING)
    const { exclusions } = await verifyLog(full, { keys: logKeys })
    expect(exclusions.every(({ needs }) => needs !== undefined && needs !== '')).toBe(true)
  })

  it('of a remembered head excludes change up to it, and no second history', async () => {
    expect(await excluded(full, { seen: [headOf(200), headOf(100)] })).toEqual({
      altered_entry: [0, 200, 'this machine: 200 entries'],
      removed_entry: [0, 200, 'this machine: 200 entries'],
      cut_tail: [0, 200, 'this machine: 200 entries'],
      forked_history: false,
      backdated_entry: false,
    })
  })

  it('of an anchor excludes a second history too, and with its own clock backdating', async () => {
    const time = new Date(T0 + 100 * 60_000)
    expect(await excluded(full, { seen: [anchored(100, time), headOf(200)] })).toEqual({
      altered_entry: [0, 200, 'anchor archive: 100 entries', 'this machine: 200 entries'],
      removed_entry: [0, 200, 'anchor archive: 100 entries', 'this machine: 200 entries'],
      cut_tail: [0, 200, 'anchor archive: 100 entries', 'this machine: 200 entries'],
      forked_history: [0, 100, 'anchor archive: 100 entries'],
      backdated_entry: [100, 300, 'anchor archive: 100 entries'],
    })
  })

  it('of a witness quorum covers the whole log', async () => {
    const log = cosigned(full, new Date(T0 + 300 * 60_000))
    expect(await excluded(log, { policy })).toEqual({
      altered_entry: [0, 300, 'witness quorum: 300 entries'],
      removed_entry: [0, 300, 'witness quorum: 300 entries'],
      cut_tail: [0, 300, 'witness quorum: 300 entries'],
      forked_history: [0, 300, 'witness quorum: 300 entries'],
      backdated_entry: false,
    })
  })

  it('against a damaged log excludes nothing', async () => {
    const forked = writeLog(minutes(300).with(5, catalogue(301)))
    expect(await excluded(forked, { seen: [headOf(200)] })).toEqual(NOTHING)
    const cut = writeLog(minutes(100))
    expect(await excluded(cut, { seen: [headOf(200)] })).toEqual(NOTHING)
    const altered = writeLog(minutes(300))
    altered.files.get('tile/entries/000')![30]! ^= 1
    expect(await excluded(altered, { seen: [headOf(200)] })).toEqual(NOTHING)
  })

  it('of another log is no evidence about this one', async () => {
    const seen = [headOf(200, { origin: 'other.example/log', root: Buffer.alloc(32, 9) })]
    const { ok, exclusions } = await verifyLog(full, { keys: logKeys, seen })
    expect(ok).toBe(true)
    expect(exclusions.every((each) => !each.excluded)).toBe(true)
  })

  it('names who remembers what a log has lost', async () => {
    const { findings } = await verifyLog(writeLog(minutes(100)), {
      keys: logKeys,
      seen: [anchored(200)],
    })
    expect(findings.map(({ message }) => message)).toEqual([
      'the log has 100 entries; 200 were seen before (anchor archive)',
    ])
  })
})

describe('a policy', () => {
  it('refuses a checkpoint without its quorum, whatever else holds', async () => {
    const { ok, findings, verified } = await verifyLog(full, { keys: logKeys, policy })
    expect({ ok, verified }).toEqual({ ok: false, verified: 300 })
    expect(findings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'quorum_missing: the checkpoint has not enough witnesses; cosigned by nobody',
    ])
  })

  it('refuses a checkpoint with a forged cosignature', async () => {
    const log = cosigned(full, new Date(T0), seededKey(3))
    const { findings } = await verifyLog(log, { keys: logKeys, policy })
    expect(findings.map(({ code }) => code)).toEqual(['checkpoint_invalid'])
  })
})

describe('times that others saw', () => {
  const bound = (size: number, seconds: number): SeenHead => ({
    size,
    root: Buffer.alloc(32),
    time: new Date(T0 + seconds * 1000),
  })
  const codes = (seen: readonly SeenHead[], times: readonly number[]) => {
    const clocks = new Clocks(seen)
    return times.flatMap((seconds, index) =>
      clocks.check(index, T0 + seconds * 1000).map(({ code }) => `${code} ${index}`),
    )
  }

  it.each<[string, SeenHead[], number[], string[]]>([
    ['nobody saw anything', [], [0, 9999, 0], []],
    ['all is as it was seen', [bound(1, 100), bound(3, 300)], [50, 150, 250, 350], []],
    [
      'an entry claims to be from before the head it follows',
      [bound(2, 1000)],
      [0, 10, 600],
      ['entry_backdated 2'],
    ],
    ['clocks differ a little', [bound(2, 1000)], [0, 10, 750], []],
    [
      'an entry claims to be from after it was seen',
      [bound(2, 1000)],
      [0, 1400, 2000],
      ['entry_postdated 1'],
    ],
    ['each bound is told once', [bound(1, 1000)], [0, 0, 0, 0], ['entry_backdated 1']],
    [
      'a later head says more',
      [bound(1, 1000), bound(3, 5000)],
      [900, 1000, 4900, 4000],
      ['entry_backdated 3'],
    ],
    [
      'an earlier head says more',
      [bound(2, 1000), bound(3, 500)],
      [100, 900, 800],
      ['entry_postdated 1'],
    ],
    [
      'heads come in any order',
      [bound(3, 5000), bound(1, 1000)],
      [900, 1000, 4900, 4000],
      ['entry_backdated 3'],
    ],
  ])('%s', (_what, seen, times, expected) => {
    expect(codes(seen, times)).toEqual(expected)
  })

  it('are held against the entries of a log', async () => {
    const late = anchored(100, new Date(T0 + 200 * 60_000))
    const { findings } = await verifyLog(full, { keys: logKeys, seen: [late] })
    expect(findings.map(({ code, index }) => [code, index])).toEqual([['entry_backdated', 100]])
  })
})

describe('the history of keys', () => {
  const second = createSigner(logSigner.name, seededKey(11))
  const third = createSigner(logSigner.name, seededKey(12))
  const all = [logSigner, second, third].map(({ vkey }) => parseVkey(vkey))
  const loaded = (log: string, next?: { log: string; signature: string }): Entry => ({
    v: 1,
    time: at(0),
    request: id(1),
    kind: 'keys.loaded',
    log,
    tokens: ['thumbprint'],
    ...(next && { next }),
  })
  const found = async (signer: typeof second, ...entries: Entry[]) => {
    const { findings } = await verifyLog(writeLog(entries, signer), { keys: all })
    return findings.map(({ code, index }) => [code, index])
  }
  const announced = announce(logSigner, second.vkey)

  it('holds for one key, started again and again', async () => {
    expect(await found(logSigner, loaded(logSigner.vkey), loaded(logSigner.vkey))).toEqual([])
  })

  it('holds for a log of before there was one', async () => {
    expect(await found(logSigner, catalogue())).toEqual([])
  })

  it('holds across two announced changes, with replicas that change one after another', async () => {
    const entries = [
      loaded(logSigner.vkey, announced),
      loaded(second.vkey, announce(second, third.vkey)),
      loaded(logSigner.vkey, announced),
      loaded(third.vkey),
    ]
    expect(await found(third, ...entries)).toEqual([])
    expect(await found(second, ...entries.slice(0, 3))).toEqual([])
  })

  it.each<[string, Entry[], [string, number | undefined][]]>([
    [
      'a key that nobody announced',
      [loaded(logSigner.vkey), loaded(second.vkey)],
      [['key_unannounced', 1]],
    ],
    [
      'an announcement by another key',
      [loaded(logSigner.vkey, announce(third, second.vkey)), loaded(second.vkey)],
      [
        ['key_invalid', 0],
        ['key_unannounced', 1],
      ],
    ],
    [
      'an announcement of another key',
      [loaded(logSigner.vkey, { ...announced, log: third.vkey })],
      [
        ['key_unannounced', undefined],
        ['key_invalid', 0],
      ],
    ],
    [
      'an announcement that is cut',
      [loaded(logSigner.vkey, { ...announced, signature: announced.signature.slice(0, 40) })],
      [
        ['key_unannounced', undefined],
        ['key_invalid', 0],
      ],
    ],
    [
      'a key of another log',
      [loaded(createSigner('other.example/log', seededKey(11)).vkey)],
      [['key_invalid', 0]],
    ],
    ['a key that is none', [loaded('x')], [['key_invalid', 0]]],
    [
      'a checkpoint by a key that the log does not know',
      [loaded(logSigner.vkey)],
      [['key_unannounced', undefined]],
    ],
  ])('finds %s', async (_what, entries, expected) => {
    expect(await found(second, ...entries)).toEqual(expected)
  })

  it('an announcement is no checkpoint, and a checkpoint no announcement', () => {
    const text = `credctl-next-key/v1\n${logSigner.name}\n${second.vkey}\n`
    expect(() => openCheckpoint(logSigner.sign(text), all)).toThrow('checkpoint is')
  })
})
