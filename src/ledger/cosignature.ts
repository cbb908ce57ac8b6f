import { verify } from 'node:crypto'
import { CredctlError } from '../errors.ts'
import { ED25519_COSIGNATURE, type Note, type Verifier } from './note.ts'

/** A witness that has seen a checkpoint continue every one it saw before. */
export interface Cosignature {
  readonly witness: string
  readonly time: Date
}

const TIME_BYTES = 8
const SIGNATURE_BYTES = 64

/**
 * The cosignatures of known witnesses on a checkpoint (C2SP tlog-cosignature, Ed25519). Unknown
 * ones are ignored; one that a known witness did not make refuses the checkpoint: `log_invalid`.
 */
export function cosignaturesOf(note: Note, witnesses: readonly Verifier[]): Cosignature[] {
  return note.signatures.flatMap(({ name, keyId, signature }) => {
    const known = witnesses.find((each) => each.name === name && each.keyId === keyId)
    return known === undefined ? [] : [openCosignature(known, note.text, signature)]
  })
}

/** Signed: `cosignature/v1\ntime SECONDS\n` and the whole text of the checkpoint. */
function openCosignature(witness: Verifier, text: string, signature: Buffer): Cosignature {
  const complete = signature.length === TIME_BYTES + SIGNATURE_BYTES
  if (witness.type !== ED25519_COSIGNATURE || !complete) throw wrong(witness)
  const seconds = signature.readBigUInt64BE(0)
  const signed = Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
  if (!verify(null, signed, witness.key, signature.subarray(TIME_BYTES))) throw wrong(witness)
  // A date of JavaScript ends in the year 275760.
  if (seconds > 8_640_000_000_000n) throw wrong(witness)
  return { witness: witness.name, time: new Date(Number(seconds) * 1000) }
}

function wrong({ name }: Verifier): CredctlError {
  return new CredctlError('log_invalid', `the checkpoint has a wrong cosignature by ${name}`)
}
