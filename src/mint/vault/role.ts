import { isDeepStrictEqual } from 'node:util'
import { CredctlError } from '../../errors.ts'

/** One kind of role in Vault: how it is read and written. */
export interface RoleAccess {
  read(name: string): Promise<Readonly<Record<string, unknown>> | undefined>
  write(name: string, role: object): Promise<void>
}

/**
 * Makes sure that Vault has exactly this role under its content-addressed name: written when it is
 * not there, and believed only when it reads back the same. Errors: `target_refused` when
 * somebody changed it; the adapter's otherwise.
 */
export async function ensureRole(access: RoleAccess, name: string, role: object): Promise<void> {
  const present = await access.read(name)
  if (present !== undefined) return refuseDrift(name, role, present)
  await access.write(name, role)
  refuseDrift(name, role, (await access.read(name)) ?? {})
}

function refuseDrift(
  name: string,
  wanted: object,
  present: Readonly<Record<string, unknown>>,
): void {
  const fields = new Map<string, unknown>(Object.entries(wanted))
  const names = new Set([...fields.keys(), ...Object.keys(present)])
  const drifted = [...names].filter((field) => !same(fields.get(field), present[field]))
  if (drifted.length === 0) return
  throw new CredctlError(
    'target_refused',
    `the Vault role ${name} is not what credctl wrote: ${drifted.sort().join(', ')}`,
    { hint: 'find out who changed it, then delete it: the next request writes it again' },
  )
}

/** Vault shows fields that nobody set as empty texts, lists, mappings, false, zero or null. */
function same(wanted: unknown, present: unknown): boolean {
  return isDeepStrictEqual(wanted, present) || (isUnset(wanted) && isUnset(present))
}

function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) {
    return true
  }
  return typeof value === 'object' && Object.keys(value).length === 0
}
