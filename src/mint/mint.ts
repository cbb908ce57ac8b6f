import type { Grant } from '../decision/decide.ts'
import { isDecided } from '../decision/decide.ts'
import { CredctlError } from '../errors.ts'
import type { Handle } from '../ledger/entry.ts'
import type { Secret } from '../secret/secret.ts'
import type { Upkeep } from './upkeep.ts'
import type { Wrapping } from './wrapping.ts'

/** A credential in its target's native shape; the only object in the program that holds one. */
export type CredentialBody = AwsCredential | PostgresCredential | MysqlCredential

/** Exactly what container-credentials clients read. */
export interface AwsCredential {
  readonly AccessKeyId: string
  readonly SecretAccessKey: string
  readonly Token: string
  /** RFC 3339. */
  readonly Expiration: string
}

export interface PostgresCredential {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly sslmode: 'verify-full' | 'disable'
  readonly uri: string
  /** RFC 3339. */
  readonly expires_at: string
}

export interface MysqlCredential {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly ssl_mode: 'VERIFY_IDENTITY' | 'DISABLED'
  /** Those with a table that it reaches. */
  readonly databases: readonly string[]
  readonly uri: string
  /** RFC 3339. */
  readonly expires_at: string
}

/** What minting gives back: the secret, and what the log says about it. */
export interface Minted {
  readonly credential: Secret<CredentialBody>
  readonly fingerprint: string
  readonly expiresAt: Date
  readonly facts: Readonly<Record<string, string | number>>
  /** The handle with what only minting could tell; recorded with the rest. */
  readonly handle?: Handle
}

/** What is true at the target after a revocation. */
export type Revoked =
  | { readonly outcome: 'gone' }
  /** A deny was written and read back; it takes minutes at most to hold everywhere. */
  | { readonly outcome: 'denied'; readonly expiresAt: Date }
  | { readonly outcome: 'expires'; readonly expiresAt: Date }

/** Why a credential ends. `unissued`: nobody ever held it, so that there may be nothing to do. */
export type RevocationCause = 'unissued' | 'expired' | 'caller' | 'operator'

/** One kind of target in one environment. Adapters implement it; vendor types stay inside them. */
export interface Mint {
  /** Names the credential before it exists. Pure: the same arguments give the same handle. */
  handle(grant: Grant, target: string, credentialId: string): Handle
  /**
   * For targets where something must exist before the credential can be found again: makes it and
   * gives the handle that names it. It lets nobody in, and ends by itself. Errors: as of `mint`.
   */
  prepare?(grant: Grant, target: string, handle: Handle): Promise<Handle>
  /**
   * Makes the credential that `handle` names. Errors: `target_unavailable` (try again),
   * `target_refused` (an operator must change something). After any error the caller revokes the
   * handle: what the target did is unknown.
   */
  mint(grant: Grant, target: string, handle: Handle): Promise<Minted>
  /**
   * Ends what the handle names, live sessions included. Idempotent: nothing there is success.
   * Errors: `target_unavailable`, `revocation_incomplete` (it cannot log in any more, but traces
   * remain); the caller tries again later.
   */
  revoke(handle: Handle, expiresAt: Date, cause: RevocationCause): Promise<Revoked>
  /** What revoking a grant at this target reaches and what it does not, for `guarantees`. */
  readonly guarantees: readonly string[]
  /** For targets whose credentials can be given out so that they open once. */
  readonly wrapping?: Wrapping
  /** For targets where the broker has work to do between mint and revoke. */
  readonly upkeep?: Upkeep
  close(): Promise<void>
}

/** The one function that makes credentials: every path to a target runs through here. */
export async function mintCredential(
  mint: Mint,
  grant: Grant,
  target: string,
  handle: Handle,
): Promise<Minted> {
  if (!isDecided(grant)) throw new CredctlError('internal', 'no decision, no credential')
  const plan = grant.plan.targets[target]
  const kind = handle.kind === 'vault' ? handle.gives : handle.kind
  if (plan === undefined || plan.kind !== kind) {
    throw new CredctlError('target_unknown', `this grant has no target ${JSON.stringify(target)}`)
  }
  // The second, independent check of invariant 1: it holds when `decide` is wrong.
  const { class: callerClass } = grant.caller
  if (
    grant.plan.environmentClass !== 'nonprod' &&
    (callerClass === 'agent' || callerClass === 'local')
  ) {
    throw new CredctlError('access_denied', `prod is never minted for class ${callerClass}`)
  }
  return await mint.mint(grant, target, handle)
}
