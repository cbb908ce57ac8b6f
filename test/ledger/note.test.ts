import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import {
  createSigner,
  ED25519,
  ED25519_COSIGNATURE,
  formatNote,
  parseNote,
  parseVkey,
  verifyNote,
  vkeyOf,
} from '../../src/ledger/note.ts'
import { seededKey } from './seeded-key.ts'

const LOG_VKEY = 'broker.example/log+767ab39a+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'
const log = createSigner('broker.example/log', seededKey(0x01))

const CHECKPOINT = `broker.example/log
3
Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=

— broker.example/log dnqzmnE7HBqkXRciE23eSuLPiMG7SSQmwlKYRbzEzk+F8atVEf5IpB06cLBzNXZ66zudMNN8v7wLmXpZd56/GcOajAs=
— witness.example/w1 3xwKNQAAAABlU/EASBnxXH90urMwOGVyBTXy9yQdOfq7XiDFD1KjtIv8NtOIGDLUeAXvKTRFUIwg57ewT0I4kU++nqz1q08R3taaBg==
`

const FOO_VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const FOO_NOTE = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`

describe('verifier keys', () => {
  it('match the published vectors', () => {
    const witness = Buffer.from(
      parseVkey(
        'witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU',
      ).key.export({ format: 'jwk' }).x as string,
      'base64url',
    )
    expect(log.vkey).toBe(LOG_VKEY)
    expect(vkeyOf('witness.example/w1', ED25519_COSIGNATURE, witness)).toBe(
      'witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU',
    )
    expect(vkeyOf('witness.example/w1', ED25519, witness)).toBe(
      'witness.example/w1+9e225179+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU',
    )
  })

  it.each([
    ['another name', LOG_VKEY.replace('broker', 'br0ker')],
    ['another key id', LOG_VKEY.replace('767ab39a', '767ab39b')],
    ['another key', LOG_VKEY.replace('AYqI', 'AYqJ')],
    ['an unknown type', 'a+00000000+AoqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'],
    ['loose base64', `${LOG_VKEY}=`],
    ['no key', 'broker.example/log+767ab39a+'],
    ['a space in the name', LOG_VKEY.replace('broker', 'bro ker')],
    ['nothing', ''],
  ])('are refused with %s', (_, vkey) => {
    expect(() => parseVkey(vkey)).toThrowError(expect.objectContaining({ code: 'log_invalid' }))
  })

  it('sign only with Ed25519 and only under a name that a note can hold', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    expect(() => createSigner('a', privateKey)).toThrow('not a verifier key')
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b']) {
      expect(() => createSigner(name, seededKey(1)), name).toThrow('not a verifier key')
    }
  })
})

describe('signed notes', () => {
  it('verify as published, and no longer with one letter changed', () => {
    const keys = [parseVkey(FOO_VKEY)]
    expect(verifyNote(parseNote(FOO_NOTE), keys)).toEqual(keys)
    const changed = parseNote(FOO_NOTE.replace('example m', 'Example m'))
    expect(() => verifyNote(changed, keys)).toThrow(/wrong signature by example.com\/foo/)
  })

  it('are made as published', () => {
    const text = formatCheckpoint(parseCheckpoint(parseNote(CHECKPOINT).text))
    const [signature] = CHECKPOINT.split('\n').slice(4)
    expect(log.sign(text)).toBe(`${text}\n${signature}\n`)
    expect(formatNote(parseNote(CHECKPOINT))).toBe(CHECKPOINT)
  })

  it('ignore an unknown key, even under a known name', () => {
    const stranger = createSigner('broker.example/log', seededKey(0x55))
    const text = parseNote(CHECKPOINT).text
    const both = parseNote(log.sign(text) + stranger.sign(text).split('\n\n')[1])
    expect(verifyNote(both, [parseVkey(LOG_VKEY)])).toHaveLength(1)
    const alone = parseNote(stranger.sign(text))
    expect(() => verifyNote(alone, [parseVkey(LOG_VKEY)])).toThrow(/is not signed by broker/)
  })

  it('are refused whole when one of two known keys fails', () => {
    const second = createSigner('broker.example/log', seededKey(0x55))
    const { text } = parseNote(CHECKPOINT)
    const wrong = second.sign(text.replace('3', '4')).split('\n\n')[1]
    const note = parseNote(log.sign(text) + wrong)
    const keys = [parseVkey(LOG_VKEY), parseVkey(second.vkey)]
    expect(() => verifyNote(note, keys)).toThrow(/wrong signature/)
  })

  const text = 'text\n'
  const line = log.sign(text).split('\n\n')[1]
  it.each([
    ['no blank line', `text\n${line}`],
    ['no signature', 'text\n\n'],
    ['no newline at the end', `text\n\n${line}`.slice(0, -1)],
    ['a carriage return', `te\rxt\n\n${line}`],
    ['a NUL', `te\0xt\n\n${line}`],
    ['DEL', `te\x7fxt\n\n${line}`],
    ['a hyphen for the dash', `text\n\n${line?.replace('—', '-')}`],
    ['two spaces', `text\n\n${line?.replace('— ', '—  ')}`],
    ['base64 without padding', `text\n\n${line?.replace('=', '')}`],
    ['base64url', `text\n\n— name ${Buffer.alloc(68, 0xff).toString('base64url')}\n`],
    ['base64 with stray bits', `text\n\n${line}`.replace(/.=\n$/, 'B=\n')],
    ['a signature of four bytes', `text\n\n— name ${Buffer.alloc(4).toString('base64')}\n`],
    ['a name with a plus', `text\n\n— na+me ${Buffer.alloc(68).toString('base64')}\n`],
    ['more than a hundred signatures', `text\n\n${line?.repeat(101)}`],
    ['text after the signatures', `text\n\n${line}more\n`],
  ])('are refused with %s', (_, note) => {
    expect(() => parseNote(note)).toThrowError(expect.objectContaining({ code: 'log_invalid' }))
  })

  it('are refused as bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.of(0xc3, 0x28), Buffer.from(`\n\n${line}`)])
    expect(() => parseNote(bytes)).toThrow(/is not UTF-8/)
  })

  it('split at the last blank line', () => {
    expect(parseNote(log.sign('one\n\ntwo\n')).text).toBe('one\n\ntwo\n')
  })

  it('never verify after any byte changed', () => {
    const bytes = Buffer.from(CHECKPOINT.split('— witness')[0] ?? '')
    const key = parseVkey(LOG_VKEY)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ mask
        expect(() => verifyNote(parseNote(changed), [key])).toThrowError(
          expect.objectContaining({ code: 'log_invalid' }),
        )
      }),
    )
  })
})

describe('checkpoints', () => {
  const keys = [parseVkey(LOG_VKEY)]

  it('open as published, with a cosignature nobody asked about', () => {
    const checkpoint = openCheckpoint(CHECKPOINT, keys)
    expect(checkpoint.origin).toBe('broker.example/log')
    expect(checkpoint.size).toBe(3)
    expect(checkpoint.root.toString('hex')).toBe(
      '5aac771c899ac292e74bf1afe2e6e302f8b55883b2d1bf197b46a6bea6dabca9',
    )
    expect(checkpoint.signed).toBe(CHECKPOINT)
  })

  it('of another log are refused, although signed by a key we know', () => {
    const text = parseNote(CHECKPOINT).text.replace('broker.example/log', 'other.example/log')
    expect(() => openCheckpoint(log.sign(text), keys)).toThrow(/of another log, other.example/)
  })

  const root = 'Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk='
  it.each([
    ['a leading zero', `o\n03\n${root}\n`],
    ['a sign', `o\n+3\n${root}\n`],
    ['a fraction', `o\n3.0\n${root}\n`],
    ['more entries than a number counts', `o\n9007199254740993\n${root}\n`],
    ['a short root', `o\n3\n${Buffer.alloc(31).toString('base64')}\n`],
    ['an extension line', `o\n3\n${root}\nextra\n`],
    ['trailing data', `o\n3\n${root}\nextra`],
    ['no last newline', `o\n3\n${root}`],
    ['no origin', `\n3\n${root}\n`],
    ['no size', `o\n\n${root}\n`],
    ['loose base64', `o\n3\n${root.slice(0, -1)}\n`],
  ])('with %s are refused', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrowError(
      expect.objectContaining({ code: 'log_invalid' }),
    )
  })
})

it('a seeded key is the one that Go writes as PRIVATE+KEY', () => {
  const pem = seededKey(0x01).export({ format: 'pem', type: 'pkcs8' })
  expect(createPrivateKey(pem).export({ format: 'jwk' }).d).toBe(
    Buffer.alloc(32, 0x01).toString('base64url'),
  )
})
