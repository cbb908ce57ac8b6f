import { readFile } from 'node:fs/promises'
import { CredctlError } from '../errors.ts'
import type { SecretReference } from './reference.ts'
import { Secret } from './secret.ts'

/**
 * Gives the present value of a reference. Called when the secret is used, never at start. With
 * `fresh`, the value is fetched again even if it is remembered: for when it turned out wrong.
 */
export type ResolveSecret = (
  reference: SecretReference,
  options?: { readonly fresh?: boolean },
) => Promise<Secret<string>>

/** A secret is a password or a key, not a document. */
const MAX_BYTES = 64 * 1024

/**
 * Resolves `file:` and `env:` references. One trailing newline is dropped, as editors and `echo`
 * add one. Fails with `secret_unresolvable`, naming the reference and never the value.
 */
export function secretResolver(env: Readonly<Record<string, string | undefined>>): ResolveSecret {
  return async (reference) => {
    const text = (await readLocal(env, reference))?.replace(/\r?\n$/, '')
    if (text === undefined || text === '') {
      throw new CredctlError('secret_unresolvable', `${reference} is not set or empty`)
    }
    return new Secret(text)
  }
}

async function readLocal(
  env: Readonly<Record<string, string | undefined>>,
  reference: string,
): Promise<string | undefined> {
  const [scheme, ...rest] = reference.split(':')
  const place = rest.join(':')
  if (scheme === 'env') return Object.hasOwn(env, place) ? env[place] : undefined
  if (scheme === 'file') return await readSecretFile(reference, place)
  throw new CredctlError('secret_unresolvable', `${reference} is not kept on this machine`)
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
