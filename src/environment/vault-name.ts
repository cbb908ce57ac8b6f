import { z } from 'zod'

/** One segment of a Vault path as credctl writes it: nothing that means something in a URL. */
export const VAULT_SEGMENT = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** A name of a role, connection or token role in Vault. */
export const vaultName = z
  .string()
  .regex(VAULT_SEGMENT, 'not a Vault name: 1 to 63 of a-z, 0-9, _ and -, not starting with _ or -')

/** Where an engine or auth method is mounted: up to four names with slashes between. */
export const vaultMount = z
  .string()
  .refine(
    (text) => isVaultMount(text),
    'not a Vault mount: up to four names of a-z, 0-9, _ and - with slashes between',
  )

export function isVaultMount(text: string): boolean {
  const segments = text.split('/')
  return segments.length <= 4 && segments.every((segment) => VAULT_SEGMENT.test(segment))
}
