import type { Clock } from '../../clock.ts'
import type { Grant } from '../../decision/decide.ts'
import { CredctlError } from '../../errors.ts'
import type { Handle, VaultHandle } from '../../ledger/entry.ts'
import type { NamedDatabaseRole } from '../../plan/vault/database-role.ts'
import { Secret } from '../../secret/secret.ts'
import { type IssuedLogin, issueLogin } from '../../vault/database.ts'
import { endLeaseIn } from '../../vault/lease.ts'
import { Roles } from '../../vault/role.ts'
import type { Vault } from '../../vault/vault.ts'
import type { CredentialBody, Mint, Minted } from '../mint.ts'
import type { Upkeep } from '../upkeep.ts'
import type { Wrapping } from '../wrapping.ts'
import { GrantTokens } from './grant-tokens.ts'
import { vaultHandle } from './handle.ts'
import { endInVault } from './kill.ts'
import { ensureRole } from './role.ts'
import { vaultWrapping } from './wrapping.ts'

/** What differs between the databases that Vault's one engine makes logins of. */
export interface VaultDatabase {
  readonly gives: 'postgres' | 'mysql'
  readonly mount: string
  readonly tokenRole: string
  readonly guarantees: readonly string[]
  readonly upkeep: Upkeep
  /** The Vault role of a grant's plan. Errors: `target_unknown`. */
  roleOf(grant: Grant, target: string): NamedDatabaseRole
  /** Errors: `target_refused` when Vault or the database are not as the plan needs them. */
  check(grant: Grant, target: string): Promise<void>
  /** What names of logins of this grant look like. */
  logins(grant: Grant): RegExp
  credential(grant: Grant, target: string, login: IssuedLogin, expiresAt: Date): CredentialBody
  /** Facts for the ledger beside the role and the lease. */
  facts(grant: Grant, target: string): Readonly<Record<string, string>>
  close(): Promise<void>
}

/** Logins of a database that Vault makes and Vault ends. */
export class VaultDatabaseMint implements Mint {
  readonly guarantees: readonly string[]
  readonly upkeep: Upkeep
  readonly wrapping: Wrapping
  readonly #database: VaultDatabase
  readonly #vault: Vault
  readonly #clock: Clock
  readonly #tokens: GrantTokens
  readonly #roles: Roles

  constructor(database: VaultDatabase, parts: { readonly vault: Vault; readonly clock: Clock }) {
    const { vault } = parts
    this.guarantees = database.guarantees
    this.upkeep = database.upkeep
    this.wrapping = vaultWrapping(vault)
    this.#database = database
    this.#vault = vault
    this.#clock = parts.clock
    this.#tokens = new GrantTokens(vault, database.tokenRole)
    this.#roles = new Roles(vault, database.mount)
  }

  handle(grant: Grant, target: string): VaultHandle {
    const { gives } = this.#database
    return { kind: 'vault', gives, role: this.#database.roleOf(grant, target).name }
  }

  /** Makes the token with which the login will be made: whoever has its accessor can end both. */
  async prepare(grant: Grant, target: string, handle: Handle): Promise<Handle> {
    const { name, role } = this.#database.roleOf(grant, target)
    await Promise.all([this.#database.check(grant, target), ensureRole(this.#roles, name, role)])
    const accessor = await this.#tokens.make(grant, this.#clock.now())
    return { ...vaultHandle(handle), accessor }
  }

  async mint(grant: Grant, target: string, handle: Handle): Promise<Minted> {
    const named = vaultHandle(handle)
    const token = this.#tokens.take(named.accessor)
    const issued = await issueLogin(this.#vault, token, this.#database.mount, named.role)
    try {
      requireAttribution(issued, this.#database.logins(grant))
      const expiresAt = await this.#endWith(grant, issued)
      return this.#minted(grant, target, issued, expiresAt, named)
    } catch (error) {
      this.#tokens.remember(named.accessor, issued.lease)
      throw error
    }
  }

  async revoke(handle: Handle): Promise<{ outcome: 'gone' }> {
    const { accessor, lease } = vaultHandle(handle)
    const known = lease ?? this.#tokens.leaseOf(accessor)
    await endInVault(this.#vault, accessor, known)
    this.#tokens.forget(accessor)
    return { outcome: 'gone' }
  }

  async close(): Promise<void> {
    this.#tokens.clear()
    await this.#database.close()
  }

  /** Vault knows the time of the role only; what is left of the grant may be less. */
  async #endWith(grant: Grant, issued: IssuedLogin): Promise<Date> {
    const leftMs = grant.expiresAt.getTime() - this.#clock.now().getTime()
    const seconds = Math.max(1, Math.floor(leftMs / 1000))
    const lasts =
      issued.seconds <= seconds
        ? issued.seconds
        : await endLeaseIn(this.#vault, issued.lease, seconds)
    if (lasts > seconds + 1) {
      throw new CredctlError('target_refused', 'Vault did not shorten a lease to the grant')
    }
    return new Date(Math.min(grant.expiresAt.getTime(), this.#clock.now().getTime() + lasts * 1000))
  }

  #minted(
    grant: Grant,
    target: string,
    issued: IssuedLogin,
    expiresAt: Date,
    handle: VaultHandle,
  ): Minted {
    const { username, lease } = issued
    return {
      credential: new Secret(this.#database.credential(grant, target, issued, expiresAt)),
      fingerprint: username,
      expiresAt,
      facts: { ...this.#database.facts(grant, target), vault_role: handle.role, lease },
      handle: { ...handle, lease },
    }
  }
}

/** The server's logs and its list of sessions must say whose login it is. */
function requireAttribution({ username }: IssuedLogin, wanted: RegExp): void {
  if (wanted.test(username)) return
  throw new CredctlError('target_refused', 'Vault gave a login that does not name its grant', {
    hint: 'set username_template of the connection as in docs/vault.md',
  })
}
