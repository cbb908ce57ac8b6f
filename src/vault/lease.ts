import { z } from 'zod'
import { answerFailure, errorsOf, parseReply } from './answer.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

const lookupReply = z.object({
  data: z.object({ ttl: z.number(), revoke_error: z.string().optional() }),
})

export interface Lease {
  /** Seconds; zero or less while Vault is trying to end it. */
  readonly ttl: number
  /** Why the last try failed; OpenBao 2.6 and newer say it. */
  readonly revokeError: string | undefined
}

/** Undefined for a lease that Vault does not know: it has ended, with what it was for. */
export async function lookupLease(vault: Vault, lease: string): Promise<Lease | undefined> {
  const doing = 'looking at a lease'
  const body = { lease_id: lease }
  const answer = await vault.ask({ method: 'POST', path: PATHS.lookupLease(), body, doing })
  if (answer.status === 400 && errorsOf(answer).some((text) => text.includes('invalid lease'))) {
    return undefined
  }
  const { ttl, revoke_error: revokeError } = parseReply(answer, lookupReply, doing).data
  return { ttl, revokeError }
}

const renewReply = z.object({ lease_duration: z.number().positive() })

/**
 * Lets a lease end in so many seconds from now, which may be sooner than before: Vault sets the end
 * of the login to it. Gives the seconds it has.
 */
export async function endLeaseIn(vault: Vault, lease: string, seconds: number): Promise<number> {
  const body = { lease_id: lease, increment: seconds }
  const request = { method: 'POST', path: PATHS.renewLease(), body } as const
  const doing = 'shortening a lease'
  return (await vault.read({ ...request, doing }, renewReply)).lease_duration
}

/**
 * Ends a lease. With `sync` it is done when this resolves to true, and nothing has changed when it
 * is false: what the engine did failed. Without, Vault ends it now and tries until it works, or
 * gives it up after six times. An unknown lease is success.
 */
export async function revokeLease(vault: Vault, lease: string, sync: boolean): Promise<boolean> {
  const doing = 'revoking a lease'
  const body = { lease_id: lease, sync }
  const answer = await vault.ask({ method: 'POST', path: PATHS.revokeLease(), body, doing })
  if (answer.status === 200 || answer.status === 202) return true
  if (answer.status === 400 || answer.status === 500) return false
  throw answerFailure(answer, doing)
}

const countReply = z.object({ data: z.object({ lease_count: z.number().min(0) }) })

/** How many leases Vault has given up ending, of whomever: what they are for lives on. */
export async function countIrrevocableLeases(vault: Vault): Promise<number> {
  const doing = 'counting leases that cannot be ended'
  const path = PATHS.irrevocableLeases()
  return (await vault.read({ method: 'GET', path, doing }, countReply)).data.lease_count
}
