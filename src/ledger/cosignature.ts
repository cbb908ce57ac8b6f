import { verify } from 'node:crypto'
import { CredctlError } from '../errors.ts'
import { parseCheckpoint } from './checkpoint.ts'
import {
  ED25519_COSIGNATURE,
  ML_DSA_44_COSIGNATURE,
  type Note,
  type NoteSignature,
  type Verifier,
} from './note.ts'

/** A witness that has seen a checkpoint continue every one it saw before. */
export interface Cosignature {
  /** Name of its key. */
  readonly witness: string
  readonly vkey: string
  readonly time: Date
}

const TIME_BYTES = 8
const SIGNATURE_BYTES: Readonly<Record<number, number>> = {
  [ED25519_COSIGNATURE]: 64,
  [ML_DSA_44_COSIGNATURE]: 2420,
}
/** A date of JavaScript ends in the year 275760. */
const LAST_SECOND = 8_640_000_000_000n

/**
 * The cosignatures of known witnesses on a checkpoint (C2SP tlog-cosignature). Unknown ones are
 * ignored; one that a known witness did not make refuses the checkpoint: `log_invalid`.
 */
export function cosignaturesOf(note: Note, witnesses: readonly Verifier[]): Cosignature[] {
  return note.signatures.flatMap((line) => {
    const known = witnesses.find(({ name, keyId }) => name === line.name && keyId === line.keyId)
    return known === undefined ? [] : [openCosignature(known, note.text, line)]
  })
}

/** One cosignature of a known witness over the text of a checkpoint. Throws `log_invalid`. */
export function openCosignature(
  witness: Verifier,
  text: string,
  { signature }: Pick<NoteSignature, 'signature'>,
): Cosignature {
  const bytes = SIGNATURE_BYTES[witness.type]
  if (bytes === undefined || signature.length !== TIME_BYTES + bytes) throw wrong(witness)
  const seconds = signature.readBigUInt64BE(0)
  const message = cosignedMessage(witness, seconds, text)
  if (!verify(null, message, witness.key, signature.subarray(TIME_BYTES))) throw wrong(witness)
  // Zero would be no statement about the newest tree (C2SP tlog-witness).
  if (seconds === 0n || seconds > LAST_SECOND) throw wrong(witness)
  return { witness: witness.name, vkey: witness.vkey, time: new Date(Number(seconds) * 1000) }
}

/** What a witness signs at a time: as C2SP tlog-cosignature lays it out for the type of its key. */
export function cosignedMessage(
  { name, type }: Pick<Verifier, 'name' | 'type'>,
  seconds: bigint,
  text: string,
): Buffer {
  if (type === ED25519_COSIGNATURE) return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
  const { origin, size, root } = parseCheckpoint(text)
  const start = 0n
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    opaque(name),
    uint64(seconds),
    opaque(origin),
    uint64(start),
    uint64(BigInt(size)),
    root,
  ])
}

/** RFC 8446 section 3.4: a vector of up to 255 bytes behind its length. */
function opaque(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

function wrong({ name }: Verifier): CredctlError {
  return new CredctlError('log_invalid', `the checkpoint has a wrong cosignature by ${name}`)
}
