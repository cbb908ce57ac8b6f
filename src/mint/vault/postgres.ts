import type { Clock } from '../../clock.ts'
import type { Grant } from '../../decision/decide.ts'
import type { VaultPostgresTarget } from '../../environment/target-vault.ts'
import { CredctlError } from '../../errors.ts'
import type { Handle, VaultHandle } from '../../ledger/entry.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { databaseRole, type NamedDatabaseRole } from '../../plan/vault/database-role.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { Secret } from '../../secret/secret.ts'
import {
  type IssuedLogin,
  issueLogin,
  readDatabaseRole,
  writeDatabaseRole,
} from '../../vault/database.ts'
import { endLeaseIn } from '../../vault/lease.ts'
import type { Vault } from '../../vault/vault.ts'
import type { Mint, Minted } from '../mint.ts'
import { postgresCredential } from '../postgres/credential.ts'
import type { Upkeep } from '../upkeep.ts'
import { collectRoles } from './collect.ts'
import { requireConnection } from './connection.ts'
import { GrantTokens } from './grant-tokens.ts'
import { VAULT_POSTGRES_GUARANTEES } from './guarantees.ts'
import { vaultHandle } from './handle.ts'
import { endInVault } from './kill.ts'
import { type VaultPreflight, vaultPreflight } from './preflight.ts'
import { ensureRole, type RoleAccess } from './role.ts'

export interface VaultMintParts {
  readonly vault: Vault
  readonly clock: Clock
  readonly resolve: ResolveSecret
}

/** Logins of one PostgreSQL database that Vault makes and Vault ends. */
export class VaultPostgresMint implements Mint {
  readonly guarantees = VAULT_POSTGRES_GUARANTEES
  readonly upkeep: Upkeep
  readonly #target: VaultPostgresTarget
  readonly #parts: VaultMintParts
  readonly #tokens: GrantTokens
  readonly #roles: RoleAccess
  readonly #preflight: VaultPreflight | undefined

  constructor(target: VaultPostgresTarget, parts: VaultMintParts) {
    const { vault } = parts
    const { mount } = target
    this.#target = target
    this.#parts = parts
    this.#tokens = new GrantTokens(vault, target.token_role)
    this.#preflight = vaultPreflight(target, parts)
    this.upkeep = upkeepOf(vault, target)
    this.#roles = {
      read: (name) => readDatabaseRole(vault, mount, name),
      write: (name, role) => writeDatabaseRole(vault, mount, name, role),
    }
  }

  handle(grant: Grant, target: string): VaultHandle {
    return { kind: 'vault', gives: 'postgres', role: this.#roleOf(grant, target).name }
  }

  /** Makes the token with which the login will be made: whoever has its accessor can end both. */
  async prepare(grant: Grant, target: string, handle: Handle): Promise<Handle> {
    const { vault, clock } = this.#parts
    const { name, role } = this.#roleOf(grant, target)
    await Promise.all([
      requireConnection(vault, this.#target),
      ensureRole(this.#roles, name, role),
      this.#preflight?.check(planOf(grant, target)),
    ])
    const accessor = await this.#tokens.make(grant, clock.now())
    return { ...vaultHandle(handle), accessor }
  }

  async mint(grant: Grant, target: string, handle: Handle): Promise<Minted> {
    const { vault, clock } = this.#parts
    const { accessor, role } = vaultHandle(handle)
    const token = this.#tokens.take(accessor)
    const issued = await issueLogin(vault, token, this.#target.mount, role)
    try {
      requireAttribution(issued, grant)
      const expiresAt = await this.#endWith(grant, issued, clock)
      return this.#minted(planOf(grant, target), issued, expiresAt, vaultHandle(handle))
    } catch (error) {
      this.#tokens.remember(accessor, issued.lease)
      throw error
    }
  }

  async revoke(handle: Handle): Promise<{ outcome: 'gone' }> {
    const { accessor, lease } = vaultHandle(handle)
    const known = lease ?? this.#tokens.leaseOf(accessor)
    await endInVault(this.#parts.vault, accessor, known)
    this.#tokens.forget(accessor)
    return { outcome: 'gone' }
  }

  async close(): Promise<void> {
    this.#tokens.clear()
    await this.#preflight?.close()
  }

  #roleOf(grant: Grant, target: string): NamedDatabaseRole {
    return databaseRole(planOf(grant, target), this.#target.connection, grant.plan.ttlSeconds)
  }

  /** Vault knows the time of the role only; what is left of the grant may be less. */
  async #endWith(grant: Grant, issued: IssuedLogin, clock: Clock): Promise<Date> {
    const leftMs = grant.expiresAt.getTime() - clock.now().getTime()
    const seconds = Math.max(1, Math.floor(leftMs / 1000))
    const { lease } = issued
    const lasts =
      issued.seconds <= seconds
        ? issued.seconds
        : await endLeaseIn(this.#parts.vault, lease, seconds)
    if (lasts > seconds + 1) {
      throw new CredctlError('target_refused', 'Vault did not shorten a lease to the grant')
    }
    return new Date(Math.min(grant.expiresAt.getTime(), clock.now().getTime() + lasts * 1000))
  }

  #minted(plan: PostgresPlan, issued: IssuedLogin, expiresAt: Date, handle: VaultHandle): Minted {
    const { username, password, lease } = issued
    const login = { user: username, password, expiresAt, limits: plan.limits }
    return {
      credential: new Secret(postgresCredential(this.#target, login)),
      fingerprint: username,
      expiresAt,
      facts: { group_role: plan.groupRole, vault_role: handle.role, lease },
      handle: { ...handle, lease },
    }
  }
}

/** Vault itself ends what is over; roles that nobody uses any more are ours to delete. */
function upkeepOf(vault: Vault, target: VaultPostgresTarget): Upkeep {
  return {
    patrol: async () => [],
    reconcile: async () => ({ dropped: [], unknown: [], missing: [], failed: [] }),
    collectGroups: (groups, used) => collectRoles(vault, target, { groups, used }),
  }
}

/** The server's logs and `pg_stat_activity` must say whose login it is. */
function requireAttribution({ username }: IssuedLogin, grant: Grant): void {
  const wanted = new RegExp(`^cbg_${grant.id.toLowerCase()}_[a-z0-9]{8,20}$`)
  if (wanted.test(username)) return
  throw new CredctlError('target_refused', 'Vault gave a login that does not name its grant', {
    hint: 'set username_template of the connection as in docs/vault.md',
  })
}

function planOf(grant: Grant, target: string): PostgresPlan {
  const plan = grant.plan.targets[target]
  if (plan?.kind === 'postgres') return plan
  throw new CredctlError('target_unknown', `the grant's target ${target} is not PostgreSQL`)
}
