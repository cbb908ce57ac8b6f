import type { IAMClientConfig } from '@aws-sdk/client-iam'
import type { AssumeRoleCommandOutput, STSClient, STSClientConfig } from '@aws-sdk/client-sts'
import { type Clock, type Random, ulid } from '../../clock.ts'
import type { Grant } from '../../decision/decide.ts'
import type { AwsTarget } from '../../environment/target-aws.ts'
import { CredctlError } from '../../errors.ts'
import type { Handle } from '../../ledger/entry.ts'
import type { AwsPlan } from '../../plan/aws/plan.ts'
import { Secret } from '../../secret/secret.ts'
import type { AwsCredential, Mint, Minted, RevocationCause, Revoked } from '../mint.ts'
import { explain, isTransient } from './failure.ts'
import type { Pace } from './pace.ts'
import { assumeRoleInput, sessionName, sourceIdentityOf } from './request.ts'
import { type Attempts, withRetries } from './retry.ts'
import { Revoker } from './revoker.ts'
import { rolePolicies } from './role-policies.ts'

export interface StsParts {
  readonly clock: Clock
  readonly random: Random
  /**
   * The broker's own credentials and, in tests, where STS is. The default credential chain and the
   * region's own endpoint when absent. No configuration file or scope reaches this.
   */
  readonly client?: Pick<STSClientConfig, 'credentials' | 'endpoint' | 'requestHandler'>
  readonly attempts?: Attempts
  /** Shared by all targets; without it calls go out as they come. */
  readonly pace?: Pace
  /** Where IAM is, in tests. */
  readonly iam?: Pick<IAMClientConfig, 'endpoint'>
}

/** Container-credential clients give up after one to two seconds: so do we, a little earlier. */
const ATTEMPTS: Attempts = { deadlineMs: 1_500, firstDelayMs: 40 }

const GUARANTEES = [
  'the session policy denies everything after the grant expires, on every AWS call',
  'work started under another role, and tokens obtained from other services, outlive the session',
]

const WITH_REVOKER = [
  ...GUARANTEES,
  'ending the grant early denies its sessions by source identity: in seconds as a rule, in minutes at most',
]

const WITHOUT_REVOKER = [
  ...GUARANTEES,
  'ending the grant early keeps it from being fetched again; a session that was already fetched works until the grant expires',
]

/** Credentials of one AWS role: `AssumeRole` with the plan as session policy. */
export function stsMint(target: AwsTarget, parts: StsParts): Mint {
  const sts = lazyClient(target, parts)
  const revoker = revokerOf(target, parts, sts.get)
  return {
    guarantees: revoker === undefined ? WITHOUT_REVOKER : WITH_REVOKER,
    handle: (grant, _target, credentialId): Handle => ({
      kind: 'aws',
      role: target.role,
      session: sessionName(grant.id, credentialId),
    }),
    mint: async (grant, name, handle) => {
      const plan = planOf(grant, name, target)
      if (handle.kind !== 'aws') throw new CredctlError('internal', 'not a handle of AWS')
      const session = { name: handle.session, now: parts.clock.now() }
      const input = assumeRoleInput(grant, plan, target, session)
      const answer = await assumeRole(sts, input, target, parts)
      return mintedFrom(answer, { grant, target, session: handle.session })
    },
    revoke: (handle, expiresAt, cause) => revoke(revoker, handle, expiresAt, cause, parts.clock),
    close: async () => {
      await sts.close()
      await revoker?.close()
    },
  }
}

function revokerOf(target: AwsTarget, parts: StsParts, sts: () => Promise<STSClient>) {
  if (target.revoker === undefined) return undefined
  const policies = rolePolicies(target, target.revoker, sts, parts.iam)
  return new Revoker(policies, parts.clock, ulid(parts.clock, parts.random))
}

/**
 * Ends a session early. One that expired, or that nobody ever held, needs nothing. When the role has
 * no room for another deny, an operator's word ends every older session of it; a caller that merely
 * finished its task does not cost the others theirs, and its session runs out.
 */
async function revoke(
  revoker: Revoker | undefined,
  handle: Handle,
  expiresAt: Date,
  cause: RevocationCause,
  clock: Clock,
): Promise<Revoked> {
  if (handle.kind !== 'aws') throw new CredctlError('internal', 'not a handle of AWS')
  const now = clock.now()
  if (cause === 'unissued' || cause === 'expired' || expiresAt <= now) return { outcome: 'gone' }
  if (revoker === undefined) return { outcome: 'expires', expiresAt }
  const denied = await revoker.deny(sourceIdentityOf(handle.session), expiresAt)
  if (denied === 'denied') return { outcome: 'denied', expiresAt }
  if (cause !== 'operator') return { outcome: 'expires', expiresAt }
  await revoker.denyAllBefore(now)
  return { outcome: 'denied', expiresAt }
}

/** The plan must be of this very target: a grant of another environment names another role. */
function planOf(grant: Grant, name: string, target: AwsTarget): AwsPlan {
  const plan = grant.plan.targets[name]
  if (plan?.kind === 'aws' && plan.role === target.role && plan.account === target.account) {
    return plan
  }
  throw new CredctlError('target_unknown', `this grant has no target ${name} with this role`)
}

/** The SDK is loaded with the first mint, so that a broker without AWS targets never does. */
function lazyClient(target: AwsTarget, parts: StsParts) {
  let opened: Promise<STSClient> | undefined
  const open = async () => {
    const { STSClient } = await import('@aws-sdk/client-sts')
    return new STSClient({
      region: target.region,
      // AWS_ENDPOINT_URL and profiles could point the broker's credentials elsewhere.
      ignoreConfiguredEndpointUrls: true,
      maxAttempts: 1,
      ...parts.client,
    })
  }
  return {
    get: () => {
      opened ??= open()
      return opened
    },
    close: async () => (await opened)?.destroy(),
  }
}

async function assumeRole(
  sts: ReturnType<typeof lazyClient>,
  input: ReturnType<typeof assumeRoleInput>,
  { region }: AwsTarget,
  { attempts = ATTEMPTS, random, pace }: StsParts,
): Promise<AssumeRoleCommandOutput> {
  const { AssumeRoleCommand } = await import('@aws-sdk/client-sts')
  const client = await sts.get()
  try {
    return await withRetries(attempts, random, isTransient, async (abortSignal) => {
      await pace?.(region)
      return await client.send(new AssumeRoleCommand(input), { abortSignal })
    })
  } catch (error) {
    throw explain(error)
  }
}

/** STS's answer, believed only when it is the session that was asked for. */
function mintedFrom(
  answer: AssumeRoleCommandOutput,
  wanted: { readonly grant: Grant; readonly target: AwsTarget; readonly session: string },
): Minted {
  const { Credentials: keys, AssumedRoleUser: user } = answer
  const { account } = wanted.target
  const isOurs =
    user?.Arn?.includes(`:sts::${account}:assumed-role/`) && user.Arn.endsWith(`/${wanted.session}`)
  if (!isOurs || !keys?.AccessKeyId || !keys.SecretAccessKey || !keys.SessionToken) {
    const message = 'AWS STS answered with something that is not the session asked for'
    throw new CredctlError('target_refused', message)
  }
  const expiresAt = earlier(keys.Expiration, wanted.grant.expiresAt)
  const credential: AwsCredential = {
    AccessKeyId: keys.AccessKeyId,
    SecretAccessKey: keys.SecretAccessKey,
    Token: keys.SessionToken,
    Expiration: expiresAt.toISOString(),
  }
  return {
    credential: new Secret(credential),
    fingerprint: keys.AccessKeyId,
    expiresAt,
    facts: factsOf(answer),
  }
}

/** What an auditor joins CloudTrail on, and how full the session token is. */
function factsOf(answer: AssumeRoleCommandOutput): Record<string, string | number> {
  const { AssumedRoleUser: user, $metadata: metadata } = answer
  const utilization = answer.SessionTokenUtilization ?? answer.PackedPolicySize
  return {
    ...(user?.AssumedRoleId === undefined ? {} : { assumed_role_id: user.AssumedRoleId }),
    ...(metadata.requestId === undefined ? {} : { sts_request_id: metadata.requestId }),
    ...(utilization === undefined ? {} : { session_token_percent: utilization }),
    ...(answer.SessionTokenSize === undefined
      ? {}
      : { session_token_bytes: answer.SessionTokenSize }),
  }
}

function earlier(sts: Date | undefined, grant: Date): Date {
  return sts !== undefined && sts < grant ? sts : grant
}
