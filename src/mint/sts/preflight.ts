import type { GetRoleCommandOutput, IAMClient } from '@aws-sdk/client-iam'
import type { STSClient } from '@aws-sdk/client-sts'
import type { EnvironmentClass } from '../../environment/environment.ts'
import type { AwsTarget } from '../../environment/target-aws.ts'
import { isNamed } from './role-policies.ts'

/** One thing that was looked at in an account, and what to do about it. */
export interface AwsFinding {
  readonly finding: string
  /** `blocks`: nothing can be minted, or production is open. `warns`: a second line is missing. */
  readonly status: 'ok' | 'warns' | 'blocks'
  readonly message: string
  readonly fix?: string
}

export interface PreflightParts {
  readonly sts: STSClient
  /** With credentials of the target's account that may read IAM; without, the role is not read. */
  readonly iam?: IAMClient
  readonly environment: { readonly name: string; readonly class: EnvironmentClass }
}

/** Sessions made to look at trust can do nothing. */
const DENY_ALL = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }],
})

const INFRA = 'deploy the target stack of infra/, or compare the trust policy with it'

/**
 * Checks a target against what `infra/` deploys: that the broker gets in with tags and source
 * identity for an hour, that production lets no agent or laptop in, that names which are not ours
 * are refused, and, with IAM, that boundary and session duration are set. Changes nothing.
 */
export async function preflightAws(
  target: AwsTarget,
  parts: PreflightParts,
): Promise<readonly AwsFinding[]> {
  const entry = await checkEntry(target, parts)
  // Without a way in, every other refusal would look like a closed door.
  if (entry.status === 'blocks') return [entry]
  return [
    entry,
    await checkDuration(target, parts),
    ...(await checkClasses(target, parts)),
    await checkNames(target, parts),
    ...(parts.iam === undefined ? [] : await checkRole(target, parts.iam)),
  ]
}

interface Attempt {
  readonly callerClass?: string
  readonly name?: string
  readonly seconds?: number
}

async function attempt(target: AwsTarget, parts: PreflightParts, how: Attempt): Promise<unknown> {
  const { callerClass = 'human', name = 'credctl-doctor', seconds = 900 } = how
  const { AssumeRoleCommand } = await import('@aws-sdk/client-sts')
  try {
    await parts.sts.send(
      new AssumeRoleCommand({
        RoleArn: target.role,
        RoleSessionName: name,
        SourceIdentity: name,
        DurationSeconds: seconds,
        Policy: DENY_ALL,
        Tags: [
          { Key: 'credctl:class', Value: callerClass },
          { Key: 'credctl:environment', Value: parts.environment.name },
        ],
        ...(target.external_id === undefined ? {} : { ExternalId: target.external_id }),
      }),
    )
    return undefined
  } catch (error) {
    return error
  }
}

async function checkEntry(target: AwsTarget, parts: PreflightParts): Promise<AwsFinding> {
  const error = await attempt(target, parts, {})
  const finding = 'trust'
  if (error === undefined) {
    return { finding, status: 'ok', message: 'the broker gets in, with tags and source identity' }
  }
  if (!isNamed(error, 'AccessDenied')) {
    const message = `AWS STS could not be asked (${nameOf(error)})`
    const fix = "give the broker credentials of its own, and reach STS in the target's region"
    return { finding, status: 'blocks', message, fix }
  }
  // AWS names the action that the trust policy or the broker's own policy lacks.
  const missing = /perform: (sts:\w+)/.exec(error instanceof Error ? error.message : '')?.[1]
  const message = `the broker may not ${missing ?? 'sts:AssumeRole'} on the role`
  return { finding, status: 'blocks', message, fix: `allow it on both sides: ${INFRA}` }
}

async function checkDuration(target: AwsTarget, parts: PreflightParts): Promise<AwsFinding> {
  const error = await attempt(target, parts, { seconds: 3600 })
  const finding = 'duration'
  if (error === undefined) {
    return { finding, status: 'ok', message: 'sessions of one hour are possible' }
  }
  const message = `sessions of one hour are refused (${nameOf(error)})`
  return { finding, status: 'warns', message, fix: 'set MaxSessionDuration of the role to 3600' }
}

/** A role of production must hold when the broker is wrong; elsewhere every class may come in. */
async function checkClasses(target: AwsTarget, parts: PreflightParts): Promise<AwsFinding[]> {
  if (parts.environment.class !== 'prod') return []
  return await Promise.all(
    ['agent', 'local'].map(async (callerClass): Promise<AwsFinding> => {
      const finding = `prod_${callerClass}`
      const error = await attempt(target, parts, { callerClass })
      if (isNamed(error, 'AccessDenied')) {
        return { finding, status: 'ok', message: `the role refuses class ${callerClass}` }
      }
      const message = `the role of a prod environment does not refuse class ${callerClass}`
      const fix = `list the classes under aws:RequestTag/credctl:class: ${INFRA}`
      return { finding, status: 'blocks', message, fix }
    }),
  )
}

async function checkNames(target: AwsTarget, parts: PreflightParts): Promise<AwsFinding> {
  const error = await attempt(target, parts, { name: 'doctor' })
  const finding = 'names'
  if (isNamed(error, 'AccessDenied')) {
    return { finding, status: 'ok', message: 'the role refuses sessions that are not named by us' }
  }
  const message = 'the role accepts any session name and source identity'
  const fix = `require credctl-* for sts:RoleSessionName and sts:SourceIdentity: ${INFRA}`
  return { finding, status: 'warns', message, fix }
}

async function checkRole(target: AwsTarget, iam: IAMClient): Promise<AwsFinding[]> {
  const { GetRoleCommand } = await import('@aws-sdk/client-iam')
  const RoleName = target.role.split('/').at(-1) ?? ''
  try {
    const role = await iam.send(new GetRoleCommand({ RoleName }))
    return [boundaryOf(role), accountOf(role, target)]
  } catch (error) {
    const message = `the role could not be read (${nameOf(error)})`
    const fix = "run it with credentials of the target's account that may iam:GetRole"
    return [{ finding: 'role', status: 'warns', message, fix }]
  }
}

function boundaryOf({ Role: role }: GetRoleCommandOutput): AwsFinding {
  const boundary = role?.PermissionsBoundary?.PermissionsBoundaryArn
  const finding = 'boundary'
  if (boundary !== undefined) return { finding, status: 'ok', message: `bounded by ${boundary}` }
  const message = 'the role has no permissions boundary'
  const fix = `a stolen broker identity gets the role without a session policy: ${INFRA}`
  return { finding, status: 'warns', message, fix }
}

/** A same-named role of another account would mean that the wrong account was looked at. */
function accountOf({ Role: role }: GetRoleCommandOutput, target: AwsTarget): AwsFinding {
  const finding = 'account'
  if (role?.Arn === target.role) {
    return { finding, status: 'ok', message: `the role is in account ${target.account}` }
  }
  const message = `these credentials are of another account than ${target.account}`
  return { finding, status: 'warns', message, fix: `use credentials of ${target.account}` }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error'
}
