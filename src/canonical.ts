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

/**
 * A type that JSON can carry, member by member: interfaces too, which have no index signature and
 * so are not `Json` to the compiler. `undefined`, functions, dates, maps and `unknown` become `never`.
 */
export type Plain<T> = T extends Json
  ? T
  : T extends (...parameters: never[]) => unknown
    ? never
    : T extends object
      ? { readonly [Key in keyof T]: Plain<T[Key]> }
      : never

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`

/**
 * The RFC 8785 form of a value as UTF-8. Throws on NaN, infinities and lone surrogates. The
 * library silently drops functions and `undefined`; the parameter's type keeps them out.
 */
export function canonicalBytes<T>(value: T & Plain<T>): Buffer {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('value has no canonical JSON form')
  return Buffer.from(text, 'utf8')
}

/** SHA-256 over the canonical form: equal values have equal digests, whoever computes them. */
export function digestOf<T>(value: T & Plain<T>): Digest {
  return digestBytes(canonicalBytes<T>(value))
}

export function digestBytes(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
