import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { cosignaturesOf, cosignedMessage } from '../../src/ledger/cosignature.ts'
import {
  ED25519_COSIGNATURE,
  ML_DSA_44_COSIGNATURE,
  parseNote,
  parseVkey,
  vkeyOf,
} from '../../src/ledger/note.ts'
import { verifyLog } from '../../src/ledger/verify/verify.ts'
import { catalogue } from './entries.ts'
import { logKeys, writeLog } from './file-log.ts'
import { seededKey } from './seeded-key.ts'

const CHECKPOINT = `broker.example/log
3
Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=

— broker.example/log dnqzmnE7HBqkXRciE23eSuLPiMG7SSQmwlKYRbzEzk+F8atVEf5IpB06cLBzNXZ66zudMNN8v7wLmXpZd56/GcOajAs=
— witness.example/w1 3xwKNQAAAABlU/EASBnxXH90urMwOGVyBTXy9yQdOfq7XiDFD1KjtIv8NtOIGDLUeAXvKTRFUIwg57ewT0I4kU++nqz1q08R3taaBg==
`
const VKEY = 'witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU'
const witness = parseVkey(VKEY)

describe('a cosignature', () => {
  it('verifies as published, with its time', () => {
    expect(cosignaturesOf(parseNote(CHECKPOINT), [witness])).toEqual([
      { witness: 'witness.example/w1', vkey: VKEY, time: new Date(1_700_000_000_000) },
    ])
  })

  it('of a witness nobody asked about is ignored', () => {
    expect(cosignaturesOf(parseNote(CHECKPOINT), [])).toEqual([])
  })

  it.each([
    ['another time', (line: string) => line.replace('AAAABlU/EA', 'AAAABlU/EB')],
    ['another signature', (line: string) => line.replace('SBnxXH90', 'SBnxXH91')],
    [
      'a cut signature',
      () => `— witness.example/w1 ${Buffer.from('df1c0a35aaaa', 'hex').toString('base64')}`,
    ],
  ])('with %s refuses the checkpoint', (_, change) => {
    const lines = CHECKPOINT.split('\n')
    lines[5] = change(lines[5]!)
    expect(() => cosignaturesOf(parseNote(lines.join('\n')), [witness])).toThrow(
      /wrong cosignature/,
    )
  })

  it('over another checkpoint refuses it', () => {
    const other = CHECKPOINT.replace('\n3\n', '\n4\n')
    expect(() => cosignaturesOf(parseNote(other), [witness])).toThrow(/wrong cosignature/)
  })

  it('by a key of the log itself is no cosignature', () => {
    const plain = parseVkey(
      'witness.example/w1+9e225179+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU',
    )
    expect(cosignaturesOf(parseNote(CHECKPOINT), [plain])).toEqual([])
  })
})

describe('verifying a log with witnesses', () => {
  function cosigned(seconds: bigint, key = seededKey(2)): ReturnType<typeof writeLog> {
    const log = writeLog([catalogue()])
    const note = log.files.get('checkpoint')!.toString()
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(seconds)
    const signed = `cosignature/v1\ntime ${seconds}\n${parseNote(note).text}`
    const blob = [Buffer.from(witness.keyId, 'hex'), time, sign(null, Buffer.from(signed), key)]
    const line = `— ${witness.name} ${Buffer.concat(blob).toString('base64')}\n`
    log.files.set('checkpoint', Buffer.from(note + line))
    return log
  }
  const options = { keys: logKeys, witnesses: [witness] }

  it('tells who else has seen the head, and when', async () => {
    const { ok, cosignatures } = await verifyLog(cosigned(1_700_000_000n), options)
    expect({ ok, cosignatures }).toEqual({
      ok: true,
      cosignatures: [{ witness: witness.name, vkey: VKEY, time: new Date(1_700_000_000_000) }],
    })
  })

  it('refuses a head with a forged witness', async () => {
    const { findings } = await verifyLog(cosigned(1_700_000_000n, seededKey(3)), options)
    expect(findings.map(({ code }) => code)).toEqual(['checkpoint_invalid'])
  })

  it.each([2n ** 63n, 0n])('refuses a time that is none: %s', async (seconds) => {
    const { ok } = await verifyLog(cosigned(seconds), options)
    expect(ok).toBe(false)
  })

  it('the vector key is that of seed 02', () => {
    const raw = Buffer.from(witness.key.export({ format: 'jwk' }).x as string, 'base64url')
    expect(vkeyOf(witness.name, ED25519_COSIGNATURE, raw)).toBe(VKEY)
  })
})

describe('a cosignature with ML-DSA-44', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ml-dsa-44')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).pub as string, 'base64url')
  const modern = parseVkey(vkeyOf('witness.example/w2', ML_DSA_44_COSIGNATURE, raw))
  const { text } = parseNote(CHECKPOINT)
  const line = (seconds: bigint, message: Buffer) => {
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(seconds)
    const signature = Buffer.concat([time, sign(null, message, privateKey)])
    return { name: modern.name, keyId: modern.keyId, signature }
  }

  it('signs name, time, origin, size and root, laid out as specified', () => {
    const message = cosignedMessage(modern, 1_700_000_000n, text)
    const root = Buffer.from('Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=', 'base64')
    expect(message.toString('hex')).toBe(
      [
        Buffer.from('subtree/v1\n\0').toString('hex'),
        `12${Buffer.from('witness.example/w2').toString('hex')}`,
        '000000006553f100',
        `12${Buffer.from('broker.example/log').toString('hex')}`,
        '0000000000000000',
        '0000000000000003',
        root.toString('hex'),
      ].join(''),
    )
    const signed = { text, signatures: [line(1_700_000_000n, message)] }
    expect(cosignaturesOf(signed, [modern])).toEqual([
      { witness: modern.name, vkey: modern.vkey, time: new Date(1_700_000_000_000) },
    ])
  })

  it('under another name or at another time is refused', () => {
    const message = cosignedMessage(modern, 1_700_000_000n, text)
    const late = { text, signatures: [line(1_700_000_001n, message)] }
    expect(() => cosignaturesOf(late, [modern])).toThrow('wrong cosignature')
    const other = cosignedMessage({ ...modern, name: 'witness.example/w3' }, 1_700_000_000n, text)
    const borrowed = { text, signatures: [line(1_700_000_000n, other)] }
    expect(() => cosignaturesOf(borrowed, [modern])).toThrow('wrong cosignature')
  })
})
