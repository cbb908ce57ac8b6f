import type { Clock } from '../../clock.ts'
import type { Grant } from '../../decision/decide.ts'
import type { VaultAwsTarget } from '../../environment/target-vault.ts'
import { CredctlError } from '../../errors.ts'
import type { Handle, VaultHandle } from '../../ledger/entry.ts'
import { awsRole, type NamedAwsRole } from '../../plan/vault/aws-role.ts'
import { Secret } from '../../secret/secret.ts'
import { type IssuedSession, issueSession } from '../../vault/aws.ts'
import { Roles } from '../../vault/role.ts'
import type { Vault } from '../../vault/vault.ts'
import type { AwsCredential, Mint, Minted, RevocationCause, Revoked } from '../mint.ts'
import { sourceIdentity } from '../sts/request.ts'
import type { Wrapping } from '../wrapping.ts'
import { GrantTokens } from './grant-tokens.ts'
import { VAULT_AWS_GUARANTEES } from './guarantees.ts'
import { vaultHandle } from './handle.ts'
import { endInVault } from './kill.ts'
import { ensureRole } from './role.ts'
import { vaultWrapping } from './wrapping.ts'

const MIN_SECONDS = 900

/** Sessions of one AWS role that Vault assumes, for brokers that may not. */
export class VaultAwsMint implements Mint {
  readonly guarantees = VAULT_AWS_GUARANTEES
  readonly wrapping: Wrapping
  readonly #target: VaultAwsTarget
  readonly #vault: Vault
  readonly #clock: Clock
  readonly #tokens: GrantTokens

  constructor(target: VaultAwsTarget, parts: { readonly vault: Vault; readonly clock: Clock }) {
    this.#target = target
    this.#vault = parts.vault
    this.wrapping = vaultWrapping(parts.vault)
    this.#clock = parts.clock
    this.#tokens = new GrantTokens(parts.vault, target.token_role)
  }

  handle(grant: Grant, target: string): VaultHandle {
    return { kind: 'vault', gives: 'aws', role: this.#roleOf(grant, target).name }
  }

  async prepare(grant: Grant, target: string, handle: Handle): Promise<Handle> {
    const { name, role } = this.#roleOf(grant, target)
    const roles = new Roles(this.#vault, this.#target.mount)
    const access = {
      read: async (wanted: string) => withMinifiedPolicy(await roles.read(wanted)),
      write: (wanted: string, content: object) => roles.write(wanted, content),
    }
    await ensureRole(access, name, role)
    return { ...vaultHandle(handle), accessor: await this.#tokens.make(grant, this.#clock.now()) }
  }

  async mint(grant: Grant, _target: string, handle: Handle): Promise<Minted> {
    const { accessor, role } = vaultHandle(handle)
    const now = this.#clock.now()
    const left = Math.ceil((grant.expiresAt.getTime() - now.getTime()) / 1000)
    const issued = await issueSession(this.#vault, this.#tokens.take(accessor), {
      mount: this.#target.mount,
      role,
      seconds: Math.max(MIN_SECONDS, left),
      session: sourceIdentity(grant.id),
    })
    requireOurs(issued, this.#target, grant)
    return mintedFrom(issued, grant, now, role)
  }

  /** Nothing ends a session that Vault has given out: it knows the secret no more than we do. */
  async revoke(handle: Handle, expiresAt: Date, cause: RevocationCause): Promise<Revoked> {
    const { accessor } = vaultHandle(handle)
    await endInVault(this.#vault, accessor, undefined)
    this.#tokens.forget(accessor)
    if (cause === 'unissued' || expiresAt <= this.#clock.now()) return { outcome: 'gone' }
    return { outcome: 'expires', expiresAt }
  }

  async close(): Promise<void> {
    this.#tokens.clear()
  }

  #roleOf(grant: Grant, target: string): NamedAwsRole {
    const plan = grant.plan.targets[target]
    const { account, role, external_id: externalId, session_tags: tagged } = this.#target
    if (plan?.kind !== 'aws' || plan.role !== role || plan.account !== account) {
      throw new CredctlError('target_unknown', `this grant has no target ${target} with this role`)
    }
    const tags = tagged ? tagsOf(grant) : undefined
    return awsRole(plan, { ttlSeconds: grant.plan.ttlSeconds, externalId, tags })
  }
}

/** Trust policies decide on the class; the grant is in the session's name. */
function tagsOf({ caller, plan, scopeDigest }: Grant): Record<string, string> {
  return {
    'credctl:class': caller.class,
    'credctl:scope': plan.scope,
    'credctl:scope-digest': scopeDigest,
    'credctl:environment': plan.environment,
  }
}

function requireOurs({ arn }: IssuedSession, { account }: VaultAwsTarget, grant: Grant): void {
  const ours = arn.includes(`:sts::${account}:assumed-role/`)
  if (ours && arn.endsWith(`/${sourceIdentity(grant.id)}`)) return
  const message = 'Vault answered with something that is not the session asked for'
  throw new CredctlError('target_refused', message, {
    hint: 'role_session_name needs Vault 1.17 or newer',
  })
}

/** The session may outlive the grant: AWS makes none for less than 15 minutes. */
function mintedFrom(issued: IssuedSession, grant: Grant, now: Date, role: string): Minted {
  const endsAt = new Date(now.getTime() + issued.seconds * 1000)
  const shown = endsAt < grant.expiresAt ? endsAt : grant.expiresAt
  const credential: AwsCredential = {
    AccessKeyId: issued.accessKeyId,
    SecretAccessKey: issued.secretAccessKey.reveal(),
    Token: issued.sessionToken.reveal(),
    Expiration: shown.toISOString(),
  }
  return {
    credential: new Secret(credential),
    fingerprint: issued.accessKeyId,
    expiresAt: endsAt,
    facts: { vault_role: role, session: issued.arn },
  }
}

/** Vault may lay the policy out differently; another content stays another content. */
function withMinifiedPolicy(role: Readonly<Record<string, unknown>> | undefined) {
  const document = role?.['policy_document']
  if (typeof document !== 'string') return role
  try {
    return { ...role, policy_document: JSON.stringify(JSON.parse(document)) }
  } catch {
    return role
  }
}
