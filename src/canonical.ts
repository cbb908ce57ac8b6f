import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'

/** A value that JSON can carry without loss. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json }

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`

/**
 * The RFC 8785 form of a value as UTF-8. Throws on NaN, infinities and lone surrogates. Give it
 * only what came from JSON or a strict schema: it silently drops functions and `undefined`.
 */
export function canonicalBytes(value: Json): Buffer {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('value has no canonical JSON form')
  return Buffer.from(text, 'utf8')
}

/** SHA-256 over the canonical form: equal values have equal digests, whoever computes them. */
export function digestOf(value: Json): Digest {
  return digestBytes(canonicalBytes(value))
}

export function digestBytes(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
