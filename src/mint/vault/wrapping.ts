import { setTimeout as pause } from 'node:timers/promises'
import { accessorExists, revokeAccessor } from '../../vault/token.ts'
import type { Vault } from '../../vault/vault.ts'
import { wrapInVault } from '../../vault/wrapping.ts'
import type { Wrapping } from '../wrapping.ts'

/** A token that was used up is still shown for an instant after it has opened the wrapping. */
const SETTLED_MS = 500

/**
 * The credential is read first and wrapped then: wrapping the reading itself would hide the lease
 * from us, and with it the way to end it.
 */
export function vaultWrapping(vault: Vault): Wrapping {
  return {
    wrap: async (credential, seconds) => {
      const wrapped = await wrapInVault(vault, credential.reveal(), seconds)
      return { ...wrapped, address: vault.address, namespace: vault.namespace }
    },
    isClosed: async (accessor) => {
      if (!(await accessorExists(vault, accessor))) return false
      await pause(SETTLED_MS)
      return await accessorExists(vault, accessor)
    },
    discard: (accessor) => revokeAccessor(vault, accessor),
  }
}
