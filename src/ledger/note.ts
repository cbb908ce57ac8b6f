import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { CredctlError } from '../errors.ts'

/** Signature types of C2SP signed-note. */
export const ED25519 = 0x01
export const ED25519_COSIGNATURE = 0x04
export const ML_DSA_44_COSIGNATURE = 0x06

/** Bytes of the public key behind each type. */
const KEY_BYTES: Readonly<Record<number, number>> = {
  [ED25519]: 32,
  [ED25519_COSIGNATURE]: 32,
  [ML_DSA_44_COSIGNATURE]: 1312,
}

const MAX_SIGNATURES = 100
const MAX_NOTE_BYTES = 1_000_000

/** One signature line: `— name base64(key id || signature)`. */
export interface NoteSignature {
  readonly name: string
  readonly keyId: string
  readonly signature: Buffer
}

/**
 * A parsed note. Nothing in it is trusted until `verifyNote` accepted it:
 *
 *     text, ending in a newline
 *
 *     — example.com/log Uw2QOkn8srV1yJGh…
 */
export interface Note {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A public key that may sign notes, as a `vkey` names it. */
export interface Verifier {
  readonly name: string
  /** Eight hex digits. */
  readonly keyId: string
  readonly type: number
  readonly vkey: string
  readonly key: KeyObject
}

export interface Signer {
  readonly name: string
  readonly vkey: string
  /** The note with this key's signature as its only one. */
  sign(text: string): string
}

/** Strict: every note has one spelling. Throws `log_invalid`. */
export function parseNote(bytes: Uint8Array | string): Note {
  const whole = typeof bytes === 'string' ? bytes : decodeUtf8(bytes)
  if (whole.length > MAX_NOTE_BYTES) throw invalid('is too large')
  if (hasForbiddenCharacter(whole)) throw invalid('has a control character or invalid Unicode')
  const split = whole.lastIndexOf('\n\n')
  if (split < 0 || !whole.endsWith('\n')) throw invalid('has no signatures')
  const lines = whole.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) throw invalid(`has more than ${MAX_SIGNATURES} signatures`)
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignature) }
}

/**
 * The verifiers whose signature the note carries; at least one. A known key that fails refuses the
 * whole note, an unknown one is ignored (C2SP signed-note). Throws `log_invalid`.
 */
export function verifyNote(note: Note, verifiers: readonly Verifier[]): Verifier[] {
  const accepted = note.signatures.flatMap(({ name, keyId, signature }) => {
    const known = verifiers.filter((each) => each.name === name && each.keyId === keyId)
    for (const verifier of known) {
      if (verifySignature(verifier, note.text, signature)) continue
      throw invalid(`has a wrong signature by ${name}`)
    }
    return known
  })
  if (accepted.length > 0) return [...new Set(accepted)]
  throw invalid(`is not signed by ${verifiers.map(({ name }) => name).join(' or ')}`)
}

function verifySignature(verifier: Verifier, text: string, signature: Buffer): boolean {
  if (verifier.type !== ED25519 || signature.length !== 64) return false
  return verify(null, Buffer.from(text), verifier.key, signature)
}

/** `name+hex8(key id)+base64(type || public key)`, types 0x01, 0x04, 0x06. Throws `log_invalid`. */
export function parseVkey(vkey: string): Verifier {
  const [, name = '', keyId = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? []
  const key = decodeBase64(encoded)
  const type = key?.[0]
  if (!isKeyName(name) || key === undefined || type === undefined) throw invalidKey()
  if (KEY_BYTES[type] !== key.length - 1 || keyIdOf(name, key) !== keyId) throw invalidKey()
  return { name, keyId, type, vkey, key: importKey(type, key.subarray(1)) }
}

/** A verifier key for a raw Ed25519 public key. */
export function vkeyOf(name: string, type: number, publicKey: Uint8Array): string {
  const key = Buffer.concat([Buffer.of(type), publicKey])
  return `${name}+${keyIdOf(name, key)}+${key.toString('base64')}`
}

/** Signs as `name` with an Ed25519 private key. */
export function createSigner(name: string, privateKey: KeyObject): Signer {
  if (!isKeyName(name)) throw invalidKey()
  if (privateKey.asymmetricKeyType !== 'ed25519') throw invalidKey()
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  const vkey = vkeyOf(name, ED25519, Buffer.from(x, 'base64url'))
  const { keyId } = parseVkey(vkey)
  return {
    name,
    vkey,
    sign: (text) => {
      const signature = sign(null, Buffer.from(text), privateKey)
      return `${text}\n${signatureLine({ name, keyId, signature })}`
    },
  }
}

export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  const blob = Buffer.concat([Buffer.from(keyId, 'hex'), signature])
  return `— ${name} ${blob.toString('base64')}\n`
}

export function formatNote({ text, signatures }: Note): string {
  return `${text}\n${signatures.map(signatureLine).join('')}`
}

const SIGNATURE_LINE = /^— (\S+) (\S+)$/u

function parseSignature(line: string): NoteSignature {
  const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? []
  const blob = decodeBase64(encoded)
  if (!isKeyName(name) || blob === undefined || blob.length < 5) {
    throw invalid('has a malformed signature line')
  }
  return { name, keyId: blob.toString('hex', 0, 4), signature: blob.subarray(4) }
}

function isKeyName(name: string): boolean {
  return name !== '' && !/[\s+\p{White_Space}]/u.test(name)
}

/** Standard base64 with padding in its one spelling; Node alone would accept several. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

function keyIdOf(name: string, typeAndKey: Uint8Array): string {
  const preimage = Buffer.concat([Buffer.from(`${name}\n`), typeAndKey])
  return hash('sha256', preimage, 'hex').slice(0, 8)
}

function importKey(type: number, raw: Buffer): KeyObject {
  const text = raw.toString('base64url')
  return type === ML_DSA_44_COSIGNATURE
    ? createPublicKey({ key: { kty: 'AKP', alg: 'ML-DSA-44', pub: text }, format: 'jwk' })
    : createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text }, format: 'jwk' })
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw invalid('is not UTF-8')
  }
}

/** ASCII control characters other than the newline, and lone surrogates. */
function hasForbiddenCharacter(text: string): boolean {
  if (!text.isWellFormed()) return true
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if ((code < 0x20 && code !== 0x0a) || code === 0x7f) return true
  }
  return false
}

function invalid(problem: string): CredctlError {
  return new CredctlError('log_invalid', `the signed note ${problem}`)
}

function invalidKey(): CredctlError {
  const hint = 'a vkey reads name+hex8+base64, with an Ed25519 or ML-DSA-44 key'
  return new CredctlError('log_invalid', 'not a verifier key', { hint })
}
