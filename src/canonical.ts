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
  const sorted = inNameOrder(value)
  const text = sorted === undefined ? canonicalize(value) : JSON.stringify(sorted)
  if (text === undefined) throw new TypeError('value has no canonical JSON form')
  return Buffer.from(text, 'utf8')
}

/** Names that an object sorts by itself, whatever order they are written in, and one that sets. */
const OWN_ORDER = /^(?:\d+|__proto__)$/

/**
 * A copy whose names stand in canonical order: `JSON.stringify` of it is the canonical form, at half
 * the cost of the library (every log entry passes here). Undefined for the few values that need the
 * library, and for those that it refuses.
 */
function inNameOrder(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : undefined
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'boolean' || value === null) return value
  if (Array.isArray(value)) {
    const items = value.map(inNameOrder)
    return items.includes(undefined) ? undefined : items
  }
  return isPlain(value) ? fieldsInNameOrder(value) : undefined
}

function fieldsInNameOrder(value: Readonly<Record<string, unknown>>): unknown {
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(value).sort()) {
    const inner = inNameOrder(value[name])
    if (inner === undefined || OWN_ORDER.test(name) || !name.isWellFormed()) return undefined
    copy[name] = inner
  }
  return copy
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !('toJSON' in value)
}

/** SHA-256 over the canonical form: equal values have equal digests, whoever computes them. */
export function digestOf<T>(value: T & Plain<T>): Digest {
  return digestBytes(canonicalBytes<T>(value))
}

export function digestBytes(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
