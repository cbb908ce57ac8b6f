import { CredctlError, isCredctlError } from '../errors.ts'
import type { SecretReference } from './reference.ts'
import type { ResolveSecret } from './resolve.ts'
import { Secret } from './secret.ts'

/** What a store keeps under one name: a text, or named texts. */
export type StoredSecret = Secret<string | Readonly<Record<string, unknown>>>

/** Where secrets are kept beside this machine. Errors name the place and why, never a value. */
export interface SecretStore {
  fetch(place: string): Promise<StoredSecret>
}

/** How long a value is used before it is asked for again, in milliseconds. */
const KEPT_MS = 300_000
/** A wrong password tried in a loop must not become a loop of requests to the store. */
const FRESH_MS = 1_000
const KEPT = 256

/** As PostgreSQL passwords and PEM keys go; anything larger is not a secret of the broker. */
const MAX_LENGTH = 64 * 1024

interface Kept {
  readonly at: number
  readonly secret: Promise<StoredSecret>
}

/**
 * Resolves references of every kind: `vault:` and `aws-sm:` from their stores, remembered in memory
 * for five minutes at most, the rest as `local` does. When a value cannot be fetched any more, the
 * remembered one is not used beyond its time. Fails with `secret_unresolvable`.
 */
export function storedResolver(
  local: ResolveSecret,
  stores: Readonly<Partial<Record<'vault' | 'aws-sm', SecretStore>>>,
): ResolveSecret {
  const kept = new Map<string, Kept>()
  const documentOf = (store: SecretStore, name: string, place: string, maxAgeMs: number) => {
    const known = kept.get(name)
    if (known !== undefined && performance.now() - known.at < maxAgeMs) return known.secret
    const secret = store.fetch(place)
    const entry = { at: performance.now(), secret }
    kept.delete(name)
    kept.set(name, entry)
    // A failure is not remembered: the next use asks again.
    secret.catch(() => kept.get(name) === entry && kept.delete(name))
    if (kept.size > KEPT) kept.delete(kept.keys().next().value ?? '')
    return secret
  }
  return async (reference, { fresh = false } = {}) => {
    const { scheme, place, field } = partsOf(reference)
    if (scheme !== 'vault' && scheme !== 'aws-sm') return await local(reference)
    const store = stores[scheme]
    if (store === undefined) throw unresolvable(reference, `there is no ${scheme} to ask`)
    try {
      const name = `${scheme}:${place}`
      const document = await documentOf(store, name, place, fresh ? FRESH_MS : KEPT_MS)
      return fieldOf(document, field, reference)
    } catch (error) {
      if (isCredctlError(error, 'secret_unresolvable')) throw error
      const why = isCredctlError(error) ? error.message : 'it cannot be fetched'
      throw unresolvable(reference, why, isCredctlError(error) ? error.hint : undefined)
    }
  }
}

function partsOf(reference: SecretReference) {
  const at = reference.indexOf(':')
  const scheme = reference.slice(0, at)
  const rest = reference.slice(at + 1)
  const hash = rest.lastIndexOf('#')
  if (hash < 0) return { scheme, place: rest, field: undefined }
  return { scheme, place: rest.slice(0, hash), field: rest.slice(hash + 1) }
}

function fieldOf(
  document: StoredSecret,
  field: string | undefined,
  reference: SecretReference,
): Secret<string> {
  const held = document.reveal()
  if (field === undefined && typeof held !== 'string') {
    throw unresolvable(reference, 'it holds several fields', 'name one: #FIELD')
  }
  const named = typeof held === 'string' ? jsonFields(held) : held
  const value = field === undefined ? held : Object.hasOwn(named, field) ? named[field] : undefined
  if (value === undefined) throw unresolvable(reference, 'it has no such field')
  if (typeof value !== 'string') throw unresolvable(reference, 'the field is not a text')
  if (value === '') throw unresolvable(reference, 'it is empty')
  if (value.length > MAX_LENGTH) throw unresolvable(reference, `longer than ${MAX_LENGTH}`)
  return new Secret(value)
}

/** A text that should be a JSON object; one that is not has no fields. */
function jsonFields(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function unresolvable(reference: string, why: string, hint?: string): CredctlError {
  const message = `${reference} cannot be resolved: ${why}`
  return new CredctlError('secret_unresolvable', message, hint === undefined ? {} : { hint })
}
