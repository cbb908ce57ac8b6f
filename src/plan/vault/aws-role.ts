import { digestOf } from '../../canonical.ts'
import type { AwsPlan } from '../aws/plan.ts'

/** What is written to `roles/<name>` of Vault's AWS engine. */
export interface AwsRole {
  readonly credential_type: 'assumed_role'
  readonly role_arns: readonly string[]
  readonly policy_document: string
  readonly default_sts_ttl: number
  readonly max_sts_ttl: number
  readonly external_id?: string
  readonly session_tags?: Readonly<Record<string, string>>
}

export interface NamedAwsRole {
  /** Content-addressed: a role is never changed, another content has another name. */
  readonly name: string
  readonly role: AwsRole
}

/** STS sessions last at least this long (AssumeRole, DurationSeconds). */
const MIN_SECONDS = 900

export interface AwsRoleOptions {
  readonly ttlSeconds: number
  readonly externalId: string | undefined
  /** Those of the broker's own sessions but for the grant: a role of Vault serves many grants. */
  readonly tags: Readonly<Record<string, string>> | undefined
}

/**
 * The Vault role of a plan: the same session policy as a session of the broker's own, but without
 * the expiry inside it, which differs from grant to grant.
 */
export function awsRole(plan: AwsPlan, options: AwsRoleOptions): NamedAwsRole {
  const { ttlSeconds, externalId, tags } = options
  const seconds = Math.max(MIN_SECONDS, ttlSeconds)
  const role: AwsRole = {
    credential_type: 'assumed_role',
    role_arns: [plan.role],
    policy_document: plan.sessionPolicy,
    default_sts_ttl: seconds,
    max_sts_ttl: seconds,
    ...(externalId === undefined ? {} : { external_id: externalId }),
    ...(tags === undefined ? {} : { session_tags: tags }),
  }
  return {
    name: `cb-${digestOf({ ...role }).slice('sha256:'.length, 'sha256:'.length + 32)}`,
    role,
  }
}
