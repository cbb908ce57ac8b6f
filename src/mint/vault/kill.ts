import { setTimeout as pause } from 'node:timers/promises'
import { CredctlError } from '../../errors.ts'
import { lookupLease, revokeLease } from '../../vault/lease.ts'
import { accessorExists, revokeAccessor } from '../../vault/token.ts'
import type { Vault } from '../../vault/vault.ts'

/** How long the queue of Vault is given before the sweep is left to look again. */
const QUEUE_MS = 3_000

/**
 * Ends everything of one grant in Vault, and looks whether it has. The lease first and in our
 * presence: ending the token alone only queues its leases. Then the token, whatever became of the
 * lease, so that it makes nothing any more. Idempotent. Errors: `revocation_incomplete` when
 * Vault still has the lease, `target_unavailable`.
 */
export async function endInVault(
  vault: Vault,
  accessor: string | undefined,
  lease: string | undefined,
): Promise<void> {
  // A refused one changes nothing: without `sync` Vault ends it now and keeps trying.
  if (lease !== undefined && !(await revokeLease(vault, lease, true))) {
    await revokeLease(vault, lease, false)
  }
  if (accessor !== undefined) await revokeAccessor(vault, accessor)
  await requireEnd(vault, accessor, lease)
}

async function requireEnd(
  vault: Vault,
  accessor: string | undefined,
  lease: string | undefined,
): Promise<void> {
  if (accessor !== undefined && (await accessorExists(vault, accessor))) {
    throw new CredctlError('revocation_incomplete', 'Vault still has the token of the grant')
  }
  if (lease === undefined) return
  const deadline = performance.now() + QUEUE_MS
  for (let wait = 20; ; wait = Math.min(wait * 2, 500)) {
    const left = await lookupLease(vault, lease)
    if (left === undefined) return
    if (performance.now() + wait > deadline) throw remains(lease, left.revokeError)
    await pause(wait)
  }
}

/** After six failures Vault gives a lease up: it is irrevocable until somebody revokes it again. */
function remains(lease: string, why: string | undefined): CredctlError {
  const reason = why === undefined ? '' : `: ${why.replace(/\p{Cc}+/gu, ' ').slice(0, 300)}`
  return new CredctlError('revocation_incomplete', `Vault cannot end lease ${lease}${reason}`, {
    hint: 'look at the database with the statements of docs/vault.md; credctl keeps trying',
  })
}
