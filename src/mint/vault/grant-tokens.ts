import type { Grant } from '../../decision/decide.ts'
import { CredctlError } from '../../errors.ts'
import type { Secret } from '../../secret/secret.ts'
import { createGrantToken, revokeAccessor } from '../../vault/token.ts'
import type { Vault } from '../../vault/vault.ts'

/** A token outlives its lease by this much: were it the other way round, it would end the login. */
const LONGER_SECONDS = 60

/** The Vault tokens of grants between the request and the credential, by accessor. In memory only. */
export class GrantTokens {
  readonly #vault: Vault
  readonly #role: string
  readonly #tokens = new Map<string, Secret<string>>()
  readonly #leases = new Map<string, string>()

  constructor(vault: Vault, role: string) {
    this.#vault = vault
    this.#role = role
  }

  /** Makes the token of one credential and gives its accessor. */
  async make(grant: Grant, now: Date): Promise<string> {
    const left = Math.ceil((grant.expiresAt.getTime() - now.getTime()) / 1000)
    const seconds = Math.max(1, left) + LONGER_SECONDS
    const wanted = { seconds, name: grant.id.toLowerCase(), meta: { grant: grant.id } }
    const made = await createGrantToken(this.#vault, this.#role, wanted)
    if (!made.orphan || made.policies.includes('root') || made.policies.includes('default')) {
      await revokeAccessor(this.#vault, made.accessor)
      throw new CredctlError(
        'target_refused',
        `the token role ${this.#role} makes tokens that have a parent or more than credctl needs`,
        { hint: 'write it as in docs/vault.md: orphan=true, token_no_default_policy=true' },
      )
    }
    this.#tokens.set(made.accessor, made.token)
    return made.accessor
  }

  /** Each is used once. */
  take(accessor = ''): Secret<string> {
    const token = this.#tokens.get(accessor)
    this.#tokens.delete(accessor)
    if (token !== undefined) return token
    throw new CredctlError('internal', 'there is no Vault token for this handle')
  }

  /** For a failure between making the credential and recording it. */
  remember(accessor = '', lease: string): void {
    this.#leases.set(accessor, lease)
  }

  leaseOf(accessor = ''): string | undefined {
    return this.#leases.get(accessor)
  }

  forget(accessor = ''): void {
    this.#tokens.delete(accessor)
    this.#leases.delete(accessor)
  }

  clear(): void {
    this.#tokens.clear()
    this.#leases.clear()
  }
}
