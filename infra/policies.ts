import type { Policy, PolicyStatement } from '../src/plan/aws/policy.ts'
import type { TargetSettings } from './settings.ts'

/** Every role that credctl uses in a target account, and nothing else, lives on this path. */
export const ROLE_PATH = '/credctl/'

/** Names of sessions and source identities that the broker makes. */
export const OURS = 'credctl-*'

/** The name of the sessions in which the broker writes denies. */
export const REVOKER_SESSION = 'credctl-revoker'

export const BROKER_ROLE = 'broker'
export const REVOKER_SUFFIX = '-revoker'

const TAGS = ['class', 'scope', 'scope-digest', 'environment', 'grant'].map(
  (name) => `credctl:${name}`,
)

/** Who a target role lets in, by class of account. Production never lets an agent or a laptop in. */
const CALLERS = {
  prod: ['workload', 'ci', 'human'],
  nonprod: ['agent', 'local', 'workload', 'ci', 'human'],
} as const

/**
 * The trust policy of a target role. It holds when the broker decides wrongly: the class of the
 * caller, the environment and the names of the session are conditions of AWS here. One statement an
 * action, because each request key exists for some of them only.
 */
export function targetTrust(brokerRole: string, target: TargetSettings): Policy {
  const allow = (Action: string, Condition: PolicyStatement['Condition']): PolicyStatement => ({
    Effect: 'Allow',
    Principal: { AWS: brokerRole },
    Action,
    ...(Condition === undefined ? {} : { Condition }),
  })
  const tagged = {
    'aws:RequestTag/credctl:class': CALLERS[target.class],
    'aws:RequestTag/credctl:environment': target.environments,
  }
  return policy([
    allow('sts:AssumeRole', {
      StringEquals: { ...tagged, 'sts:ExternalId': target.externalId },
      StringLike: { 'sts:RoleSessionName': OURS, 'sts:SourceIdentity': OURS },
    }),
    allow('sts:SetSourceIdentity', { StringLike: { 'sts:SourceIdentity': OURS } }),
    allow('sts:TagSession', {
      StringEquals: tagged,
      'ForAllValues:StringEquals': { 'aws:TagKeys': TAGS },
    }),
  ])
}

/** The revoker is assumed by the broker too, under one name, and only to write denies. */
export function revokerTrust(brokerRole: string): Policy {
  return policy([
    {
      Effect: 'Allow',
      Principal: { AWS: brokerRole },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'sts:RoleSessionName': REVOKER_SESSION } },
    },
  ])
}

/** Inline policies of the target role alone: never its own, which would be privilege escalation. */
export function revokerPolicy(targetRole: string): Policy {
  return policy([
    {
      Effect: 'Allow',
      Action: [
        'iam:PutRolePolicy',
        'iam:GetRolePolicy',
        'iam:DeleteRolePolicy',
        'iam:ListRolePolicies',
      ],
      Resource: targetRole,
    },
  ])
}

/** What the broker itself may do in AWS: become its roles in the target accounts. */
export function brokerPolicy(partition: string, targets: readonly TargetSettings[]): Policy {
  const role = (account: string, name: string) =>
    `arn:${partition}:iam::${account}:role${ROLE_PATH}${name}`
  const tasks = targets.map((target) => role(target.account, target.role)).sort()
  const revokers = tasks.map((task) => `${task}${REVOKER_SUFFIX}`)
  return policy([
    {
      Effect: 'Allow',
      Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
      Resource: tasks,
    },
    { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: revokers },
    { Effect: 'Deny', Action: 'sts:*', NotResource: [...tasks, ...revokers] },
  ])
}

/**
 * Boundary of a target role: also what the revoker writes, or a managed policy gains later, never
 * reaches identities, accounts and the safety nets of the account.
 */
export function boundary(): Policy {
  return policy([{ Effect: 'Allow', Action: '*', Resource: '*' }, ...nets()])
}

/**
 * Attached to every target role beside its ceiling. A stolen broker identity gets the role without a
 * session policy; this is what still holds then.
 */
export function guard(): Policy {
  const deny = (Condition: PolicyStatement['Condition']): PolicyStatement => ({
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    ...(Condition === undefined ? {} : { Condition }),
  })
  return policy([
    // A session without our source identity was not made by the broker's code. Calls that a service
    // makes on the session's behalf may lack the key; they follow a call that had it.
    deny({
      StringNotLike: { 'aws:SourceIdentity': OURS },
      Bool: { 'aws:ViaAWSService': 'false' },
    }),
    deny({ Bool: { 'aws:SecureTransport': 'false' } }),
    ...nets(),
  ])
}

/** For the organisation: nobody but credctl's deployment touches credctl's roles. */
export function organizationPolicy(deployRole: string): Policy {
  const roles = `arn:*:iam::*:role${ROLE_PATH}*`
  return policy([
    {
      Effect: 'Deny',
      // Reading stays open to whoever may read: doctor and auditors do.
      Action: [
        'iam:Attach*',
        'iam:Create*',
        'iam:Delete*',
        'iam:Detach*',
        'iam:PassRole',
        'iam:Put*',
        'iam:Tag*',
        'iam:Untag*',
        'iam:Update*',
      ],
      Resource: roles,
      Condition: {
        ArnNotLike: {
          'aws:PrincipalArn': [deployRole, `arn:*:iam::*:role${ROLE_PATH}*${REVOKER_SUFFIX}`],
        },
      },
    },
    {
      Effect: 'Deny',
      Action: ['sts:AssumeRole'],
      Resource: roles,
      // The broker becomes revokers, and CI the deployment role, under no source identity.
      Condition: {
        StringNotLike: { 'sts:SourceIdentity': OURS, 'sts:RoleSessionName': REVOKER_SESSION },
      },
    },
  ])
}

/** Identities, credentials of other kinds, and what would turn a safety net off. */
function nets(): PolicyStatement[] {
  return [
    {
      Effect: 'Deny',
      Action: [
        'account:*',
        'organizations:*',
        'sts:AssumeRole*',
        'sts:Get*Token',
        'iam:Create*',
        'iam:Update*',
        'iam:Put*',
        'iam:Attach*',
        'iam:Detach*',
        'iam:Delete*',
        'iam:Add*',
        'iam:Remove*',
        'iam:Set*',
        'iam:Tag*',
        'iam:Untag*',
      ],
      Resource: '*',
    },
    {
      Effect: 'Deny',
      Action: [
        'cloudtrail:StopLogging',
        'cloudtrail:DeleteTrail',
        'cloudtrail:UpdateTrail',
        'cloudtrail:PutEventSelectors',
        'config:DeleteConfigurationRecorder',
        'config:StopConfigurationRecorder',
        'guardduty:DeleteDetector',
        'guardduty:UpdateDetector',
        'kms:ScheduleKeyDeletion',
        'backup:DeleteBackupVault',
        'backup:DeleteRecoveryPoint',
        'events:DisableRule',
        'events:RemoveTargets',
        's3:PutAccountPublicAccessBlock',
      ],
      Resource: '*',
    },
  ]
}

function policy(Statement: readonly PolicyStatement[]): Policy {
  return { Version: '2012-10-17', Statement }
}
