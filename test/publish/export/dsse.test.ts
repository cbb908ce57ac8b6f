import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { toDSSEBundle } from '@sigstore/bundle'
import { toSignedEntity, Verifier } from '@sigstore/verify'
import { describe, expect, test } from 'vitest'
import { parseCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { parseNote } from '../../../src/ledger/note.ts'
import {
  dsse,
  keyIdOf,
  PREDICATE_TYPE,
  preAuthEncoding,
  STATEMENT_TYPE,
} from '../../../src/publish/export/dsse.ts'
import { logSigner } from '../../ledger/file-log.ts'
import { seededKey } from '../../ledger/seeded-key.ts'
import { events } from './events.ts'

const key = seededKey(9)
const format = dsse(key)

interface Envelope {
  readonly payload: string
  readonly payloadType: string
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[]
}

/** Verifies with an implementation of DSSE that is not ours. */
function verify(envelope: Envelope, trusted: KeyObject): void {
  const [signature] = envelope.signatures
  const entity = toSignedEntity(
    toDSSEBundle({
      artifact: Buffer.from(envelope.payload, 'base64'),
      artifactType: envelope.payloadType,
      signature: Buffer.from(signature?.sig ?? '', 'base64'),
      keyHint: signature?.keyid ?? '',
    }),
  )
  const none = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] }
  const publicKey = (hint: string) => {
    if (hint !== keyIdOf(trusted)) throw new Error('another key')
    return { publicKey: createPublicKey(trusted), validFor: () => true }
  }
  const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }
  new Verifier({ ...none, publicKey }, thresholds).verify(entity)
}

describe('an envelope', () => {
  test.each(events)('of entry $index verifies with another implementation', (event) => {
    const envelope: Envelope = JSON.parse(format.line(event))
    expect(() => verify(envelope, key)).not.toThrow()
  })

  const [event] = events
  const envelope: Envelope = JSON.parse(format.line(event!))
  const payload = Buffer.from(envelope.payload, 'base64')

  test('holds an in-toto statement about the bytes under the hash of the log', () => {
    const statement = JSON.parse(payload.toString())
    const sha256 = createHash('sha256').update(event!.bytes).digest('hex')
    expect(statement).toEqual({
      _type: STATEMENT_TYPE,
      subject: [{ name: 'broker.example/log#0', digest: { sha256 } }],
      predicateType: PREDICATE_TYPE,
      predicate: { origin: 'broker.example/log', index: 0, entry: event!.entry },
    })
  })

  test.each([
    ['another payload', { payload: Buffer.from(`${payload} `).toString('base64') }],
    ['another type', { payloadType: 'application/json' }],
    ['no signature', { signatures: [] }],
  ])('with %s does not verify', (_what, change) => {
    expect(() => verify({ ...envelope, ...change }, key)).toThrow()
  })

  test('of another key does not verify', () => {
    expect(() => verify(envelope, seededKey(8))).toThrow()
  })
})

describe('what is signed', () => {
  test('is the encoding of the specification', () => {
    const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'))
    expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world')
    expect(preAuthEncoding('é', Buffer.from('ü')).toString()).toBe('DSSEv1 2 é 2 ü')
  })

  test('can never be read as a checkpoint, whatever the payload says', () => {
    const checkpoint = 'broker.example/log\n3\nWqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=\n'
    expect(() => parseCheckpoint(parseNote(logSigner.sign(checkpoint)).text)).not.toThrow()
    const encoded = preAuthEncoding('text/plain', Buffer.from(`\n${checkpoint}`)).toString()
    expect(() => parseCheckpoint(encoded)).toThrow()
  })
})
