import { CredctlError } from '../../errors.ts'
import type { Handle, VaultHandle } from '../../ledger/entry.ts'

export function vaultHandle(handle: Handle): VaultHandle {
  if (handle.kind === 'vault') return handle
  throw new CredctlError('internal', 'a handle of another kind of target')
}
