import { sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type LogParts, logState } from '../../src/console/log-state.ts'
import { cosignedMessage } from '../../src/ledger/cosignature.ts'
import {
  ED25519_COSIGNATURE,
  parseNote,
  parseVkey,
  signatureLine,
  vkeyOf,
} from '../../src/ledger/note.ts'
import { catalogue } from '../ledger/entries.ts'
import { type FileLog, logSigner, writeLog } from '../ledger/file-log.ts'
import { rawKey, seededKey } from '../ledger/seeded-key.ts'

const entries = (count: number, seconds = 0) =>
  Array.from({ length: count }, (_, index) => catalogue(index + seconds))
const log = writeLog(entries(700))
const witness = parseVkey(vkeyOf('witness.example/w1', ED25519_COSIGNATURE, rawKey(7)))

const parts = (change: Partial<LogParts> = {}): LogParts => ({
  log,
  published: log,
  logKeys: [parseVkey(logSigner.vkey)],
  witnessKeys: [],
  remembered: { load: async () => undefined, save: async () => undefined },
  ...change,
})
const remembering = (seen: FileLog) =>
  parts({
    remembered: {
      load: async () => (await seen.checkpoint()).toString(),
      save: async () => undefined,
    },
  })

/** The checkpoint of the log with a cosignature made by this key. */
async function cosigned(byte: number): Promise<Buffer> {
  const note = (await log.checkpoint()).toString()
  const { text } = parseNote(note)
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(1_700_000_000n)
  const signed = sign(null, cosignedMessage(witness, 1_700_000_000n, text), seededKey(byte))
  const { name, keyId } = witness
  return Buffer.from(
    note + signatureLine({ name, keyId, signature: Buffer.concat([time, signed]) }),
  )
}

describe('the state of the log', () => {
  test('is the newest checkpoint, once its signature holds', async () => {
    expect(await logState(parts())).toMatchObject({
      origin: 'broker.example/log',
      size: 700,
      remembered: undefined,
      witnessed: undefined,
    })
  })

  test('of another key is no state', async () => {
    const logKeys = [witness] as const
    await expect(logState(parts({ logKeys }))).rejects.toMatchObject({ code: 'log_invalid' })
  })

  test.each([
    ['as long', 700, 0, true],
    ['shorter', 300, 0, true],
    ['empty', 0, 0, true],
    ['longer: an older copy of the database', 701, 0, false],
    ['other: a second history', 300, 5, false],
  ])(
    'is compared with what this broker remembers, when that is %s',
    async (_it, size, shift, continued) => {
      const { remembered } = await logState(remembering(writeLog(entries(size, shift))))
      expect(remembered).toEqual({ size, continued })
    },
  )

  test('names the witnesses whose cosignature holds', async () => {
    const published = { checkpoint: () => cosigned(7) }
    const { witnessed } = await logState(parts({ published, witnessKeys: [witness] }))
    expect(witnessed).toEqual({ size: 700, by: ['witness.example/w1'] })
    const none = await logState(parts({ witnessKeys: [witness] }))
    expect(none.witnessed).toEqual({ size: 700, by: [] })
  })

  test('refuses a cosignature that the witness did not make', async () => {
    const published = { checkpoint: () => cosigned(8) }
    const state = logState(parts({ published, witnessKeys: [witness] }))
    await expect(state).rejects.toMatchObject({ code: 'log_invalid' })
  })
})
