import type { AwsTarget } from '../../environment/target-aws.ts'
import { type Group, isUnscoped } from './group.ts'
import { oneOrMany, type PolicyStatement } from './policy.ts'

/** Services that answer from one place: their region is not the target's. */
const GLOBAL = new Set([
  'budgets',
  'ce',
  'cloudfront',
  'cur',
  'health',
  'iam',
  'pricing',
  'route53',
  's3',
  'savingsplans',
])

/** The statements that allow the group's patterns on its resources, and no further than that. */
export function allowStatements(
  group: Group,
  patterns: readonly string[],
  { region, account }: AwsTarget,
): PolicyStatement[] {
  const allow = (actions: readonly string[], extra: object): PolicyStatement => ({
    Effect: 'Allow',
    Action: oneOrMany(actions),
    Resource: oneOrMany(group.resources),
    ...extra,
  })
  if (group.resources.some(isBucketArn)) return [allow(patterns, { Condition: ownBucket(account) })]
  if (!isUnscoped(group)) return [allow(patterns, {})]
  // Without a resource there is no region in an ARN either: the request's own region is pinned.
  const pinned = { Condition: { StringEquals: { 'aws:RequestedRegion': region } } }
  const isGlobal = (pattern: string) => GLOBAL.has(pattern.split(':')[0] ?? '')
  const everywhere = patterns.filter(isGlobal)
  const here = patterns.filter((pattern) => !isGlobal(pattern))
  return [
    ...(everywhere.length > 0 ? [allow(everywhere, {})] : []),
    ...(here.length > 0 ? [allow(here, pinned)] : []),
  ]
}

/** Bucket ARNs name no account. */
function isBucketArn(arn: string): boolean {
  return /^arn:[a-z-]+:s3:::/.test(arn)
}

/**
 * A bucket that was deleted may be a stranger's tomorrow, under the same name. An allow's condition
 * is enough: across accounts nothing works without the session policy's own allow.
 */
function ownBucket(account: string): PolicyStatement['Condition'] {
  return { StringEquals: { 's3:ResourceAccount': account } }
}
