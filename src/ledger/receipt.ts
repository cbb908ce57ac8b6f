import { CredctlError } from '../errors.ts'
import { openCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { HASH_BYTES, leafHash, verifyInclusion } from './merkle.ts'
import { decodeBase64, type Verifier } from './note.ts'

/**
 * Proof that one entry is in the log, after C2SP tlog-proof:
 *
 *     c2sp.org/tlog-proof@v1
 *     index 1
 *     0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=
 *
 *     (a signed checkpoint, with its cosignatures)
 */
export interface Receipt {
  readonly index: number
  /** The leaf's sibling first. */
  readonly proof: readonly Buffer[]
  readonly checkpoint: string
}

const HEADER = 'c2sp.org/tlog-proof@v1'
/** A tree has at most 2^53 leaves here, and none more than 2^64. */
const MAX_HASHES = 63

export function formatReceipt({ index, proof, checkpoint }: Receipt): string {
  const hashes = proof.map((hash) => `${hash.toString('base64')}\n`).join('')
  return `${HEADER}\nindex ${index}\n${hashes}\n${checkpoint}`
}

/** Strict; the `extra` line is dropped, because nothing vouches for it. Throws `log_invalid`. */
export function parseReceipt(text: string): Receipt {
  const end = text.indexOf('\n\n')
  const [header, ...lines] = text.slice(0, end < 0 ? 0 : end).split('\n')
  if (lines[0]?.startsWith('extra ') === true) requireBase64(lines.shift()?.slice(6) ?? '')
  const [, digits = ''] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '') ?? []
  const index = Number(digits)
  if (header !== HEADER || digits === '' || !Number.isSafeInteger(index)) throw malformed()
  if (lines.length > MAX_HASHES) throw malformed()
  const proof = lines.map(requireBase64)
  if (proof.some((hash) => hash.length !== HASH_BYTES)) throw malformed()
  return { index, proof, checkpoint: text.slice(end + 2) }
}

/**
 * Verifies offline, with nothing but the log's keys, that the entry of these exact bytes is in the
 * log. Gives its index and the checkpoint that vouches for it. Throws `log_invalid`.
 */
export function verifyReceipt(
  receipt: string,
  entry: Uint8Array,
  keys: readonly Verifier[],
): { readonly index: number; readonly checkpoint: SignedCheckpoint } {
  const { index, proof, checkpoint: signed } = parseReceipt(receipt)
  const checkpoint = openCheckpoint(signed, keys)
  const { size, root } = checkpoint
  if (verifyInclusion({ leaf: leafHash(entry), index, size, root, proof })) {
    return { index, checkpoint }
  }
  throw new CredctlError('log_invalid', `the entry is not number ${index} of this log`)
}

function requireBase64(text: string): Buffer {
  const bytes = decodeBase64(text)
  if (bytes === undefined) throw malformed()
  return bytes
}

function malformed(): CredctlError {
  return new CredctlError('log_invalid', 'the receipt is malformed', { hint: `a ${HEADER} file` })
}
