import { readFile } from 'node:fs/promises'
import { CredctlError } from '../errors.ts'
import type { SecretReference } from './reference.ts'
import { Secret } from './secret.ts'

/** Gives the present value of a reference. Called when the secret is used, never at start. */
export type ResolveSecret = (reference: SecretReference) => Promise<Secret<string>>

/** A secret is a password or a key, not a document. */
const MAX_BYTES = 64 * 1024

/**
 * Resolves `file:` and `env:` references. One trailing newline is dropped, as editors and `echo`
 * add one. Fails with `secret_unresolvable`, naming the reference and never the value.
 */
export function secretResolver(env: Readonly<Record<string, string | undefined>>): ResolveSecret {
  return async (reference) => {
    const [scheme, ...rest] = reference.split(':')
    const place = rest.join(':')
    const known = Object.hasOwn(env, place) ? env[place] : undefined
    const text = scheme === 'env' ? known : await readSecretFile(reference, place)
    const value = text?.replace(/\r?\n$/, '')
    if (value === undefined || value === '') {
      throw new CredctlError('secret_unresolvable', `${reference} is not set or empty`)
    }
    return new Secret(value)
  }
}

async function readSecretFile(reference: string, path: string): Promise<string> {
  try {
    const bytes = await readFile(path)
    if (bytes.length > MAX_BYTES) throw new RangeError(`larger than ${MAX_BYTES} bytes`)
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new CredctlError('secret_unresolvable', `${reference} cannot be read`, { cause })
  }
}
