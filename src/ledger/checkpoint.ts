import { CredctlError } from '../errors.ts'
import { HASH_BYTES } from './merkle.ts'
import { decodeBase64, type Note, parseNote, type Verifier, verifyNote } from './note.ts'

/** The head of a log: how many entries, and the hash over all of them. */
export interface TreeHead {
  readonly size: number
  readonly root: Buffer
}

/** C2SP tlog-checkpoint, without extension lines. */
export interface Checkpoint extends TreeHead {
  readonly origin: string
}

/** What is signed: `origin\nsize\nbase64(root)\n`. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

const SIZE = /^(0|[1-9]\d{0,15})$/

/** Reads the text of a note. Throws `log_invalid`; signatures are the caller's business. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', encoded = '', end, ...more] = text.split('\n')
  const root = decodeBase64(encoded)
  const complete = origin !== '' && end === '' && more.length === 0
  if (!complete || !SIZE.test(size) || root?.length !== HASH_BYTES) {
    throw new CredctlError('log_invalid', 'the checkpoint is malformed', {
      hint: 'origin, size and root, one line each, and nothing else',
    })
  }
  if (!Number.isSafeInteger(Number(size))) {
    throw new CredctlError('log_invalid', 'the checkpoint counts more entries than can be')
  }
  return { origin, size: Number(size), root }
}

/** A checkpoint whose log signature holds, together with the note it came in. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: Note
  /** The signed text as it came, cosignatures included. */
  readonly signed: string
}

/**
 * Parses and verifies: signed by one of `keys`, each of which speaks for the origin it is named
 * after. Throws `log_invalid`.
 */
export function openCheckpoint(
  signed: string | Uint8Array,
  keys: readonly Verifier[],
): SignedCheckpoint {
  const text = typeof signed === 'string' ? signed : Buffer.from(signed).toString('utf8')
  const note = parseNote(signed)
  const checkpoint = parseCheckpoint(note.text)
  const own = keys.filter(({ name }) => name === checkpoint.origin)
  if (own.length === 0) {
    throw new CredctlError('log_invalid', `the checkpoint is of another log, ${checkpoint.origin}`)
  }
  verifyNote(note, own)
  return { ...checkpoint, note, signed: text }
}
