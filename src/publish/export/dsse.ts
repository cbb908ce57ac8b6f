import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { byLine, type Format, type LogEvent } from './export.ts'

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
export const PREDICATE_TYPE = 'urn:credctl:log-entry:v1'
const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/**
 * An in-toto Statement v1 about one entry, in a DSSE v1 envelope. The subject is the entry's exact
 * bytes; whoever trusts the log and not this key checks the same digest against a receipt.
 */
export function dsse(key: KeyObject): Format {
  const keyid = keyIdOf(key)
  return {
    type: 'application/x-ndjson',
    line: (event) => {
      const payload = Buffer.from(statement(event))
      const signature = sign(null, preAuthEncoding(PAYLOAD_TYPE, payload), key)
      return JSON.stringify({
        payload: payload.toString('base64'),
        payloadType: PAYLOAD_TYPE,
        signatures: [{ keyid, sig: signature.toString('base64') }],
      })
    },
    body: byLine,
  }
}

function statement({ origin, index, bytes, entry }: LogEvent): string {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return JSON.stringify({
    _type: STATEMENT_TYPE,
    subject: [{ name: `${origin}#${index}`, digest: { sha256 } }],
    predicateType: PREDICATE_TYPE,
    predicate: { origin, index, entry },
  })
}

/** DSSE v1: `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, so that no other text is signed. */
export function preAuthEncoding(type: string, body: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `
  return Buffer.concat([Buffer.from(head), body])
}

/** SHA-256 of the public key as SPKI DER, in hex: what verifiers look a key up by. */
export function keyIdOf(key: KeyObject): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex')
}
