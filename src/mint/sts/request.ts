import type { AssumeRoleCommandInput } from '@aws-sdk/client-sts'
import type { Grant } from '../../decision/decide.ts'
import type { AwsTarget } from '../../environment/target-aws.ts'
import { CredctlError } from '../../errors.ts'
import type { AwsPlan } from '../../plan/aws/plan.ts'
import { policyUntil } from '../../plan/aws/policy.ts'

/** Starts session names and source identities: trust policies and alarms look for it. */
export const SESSION_PREFIX = 'credctl-'

/** STS sessions last at least this long; a shorter grant is ended by the session policy. */
const MIN_SESSION_SECONDS = 900

const SESSION_NAME = /^[\w+=,.@-]{2,64}$/
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u

/**
 * Names one session. Grant and credential ids make it unique and unforeseeable: a resource policy
 * can name a session before it exists, and what it grants passes the session policy.
 */
export function sessionName(grantId: string, credentialId: string): string {
  const name = `${SESSION_PREFIX}${grantId}-${credentialId}`
  if (!SESSION_NAME.test(name)) {
    throw new CredctlError('internal', 'the ids of grant and credential do not make a session name')
  }
  return name
}

/** The same for every session of a grant, also after role chaining: what revocation denies. */
export function sourceIdentity(grantId: string): string {
  return `${SESSION_PREFIX}${grantId}`
}

/** The source identity of the grant that a session of ours belongs to. */
export function sourceIdentityOf(session: string): string {
  return session.slice(0, SESSION_PREFIX.length + 26)
}

/** The whole request for one session, from the grant alone. */
export function assumeRoleInput(
  grant: Grant,
  plan: AwsPlan,
  target: AwsTarget,
  session: { readonly name: string; readonly now: Date },
): AssumeRoleCommandInput {
  const remaining = Math.ceil((grant.expiresAt.getTime() - session.now.getTime()) / 1000)
  return {
    RoleArn: plan.role,
    RoleSessionName: session.name,
    SourceIdentity: sourceIdentity(grant.id),
    DurationSeconds: Math.max(MIN_SESSION_SECONDS, remaining),
    Policy: policyUntil(plan.sessionPolicy, grant.expiresAt),
    Tags: tagsOf(grant),
    ...(target.external_id === undefined ? {} : { ExternalId: target.external_id }),
  }
}

/** Session tags: a role's trust policy decides on the class, auditors read the rest. */
function tagsOf({ id, caller, plan, scopeDigest }: Grant) {
  const tags = {
    'credctl:class': caller.class,
    'credctl:scope': plan.scope,
    'credctl:scope-digest': scopeDigest,
    'credctl:environment': plan.environment,
    'credctl:grant': id,
  }
  return Object.entries(tags).map(([Key, Value]) => {
    // A tag that a trust policy relies on is never repaired or left out.
    if (TAG_VALUE.test(Value)) return { Key, Value }
    throw new CredctlError('target_refused', `the session tag ${Key} has a value AWS refuses`)
  })
}
