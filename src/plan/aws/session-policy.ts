import type { AwsTarget } from '../../environment/target-aws.ts'
import { NO_RESOURCE } from '../../scope/access-aws.ts'
import { type Action, serviceNamed } from './actions.ts'
import { typesReached } from './arn.ts'
import { coverNames, type Shortening } from './cover.ts'
import type { Declared } from './declared.ts'
import {
  EXPIRY_SIZE,
  MAX_POLICY_SIZE,
  oneOrMany,
  type PolicyStatement,
  policyText,
} from './policy.ts'
import { denials } from './tightening.ts'

/** Actions that a scope declares on exactly these resources. */
export interface Group {
  readonly actions: readonly Action[]
  /** ARNs, or only `*` for actions without a resource. */
  readonly resources: readonly string[]
  /** Classes asked for by preset: what a wildcard may expand to where it cannot reach. */
  readonly preset: ReadonlySet<string>
}

export interface CompiledPolicy {
  readonly text: string
  /** As sent, with the expiry statement. */
  readonly size: number
  readonly fits: boolean
}

/**
 * A policy that allows what is declared and denies everything else explicitly: a session policy
 * without denies is no ceiling, because a resource policy that names the session grants past it.
 * Every action not declared is denied, and every declared one outside its own resources.
 *
 * Action names are shortened to wildcards only when the policy would be too long otherwise.
 */
export function compilePolicy(
  groups: readonly Group[],
  declared: readonly Declared[],
  target: AwsTarget,
): CompiledPolicy {
  const tight = tightDenials(declared)
  const shortenings: Shortening[] = ['none', 'words', 'letters']
  const policies = shortenings.map((shortening) => () => [
    ...policyOf(groups, target, shortening),
    ...tight,
  ])
  let last: CompiledPolicy | undefined
  for (const policy of policies) {
    last = sized(policyText(policy()))
    if (last.fits) break
  }
  return last ?? sized(policyText([]))
}

function sized(text: string): CompiledPolicy {
  const size = text.length + EXPIRY_SIZE
  return { text, size, fits: size <= MAX_POLICY_SIZE }
}

/** Groups actions by the exact set of resources they are declared on. Sorted: equal input, equal text. */
export function groupDeclared(declared: readonly Declared[]): Group[] {
  const byAction = Map.groupBy(declared, (each) => each.action.id)
  const parts = [...byAction.values()].map((pairs) => {
    const resources = [...new Set(pairs.map((each) => each.resource))].sort()
    return { pairs, resources, key: resources.join('\n') }
  })
  const byResources = Map.groupBy(parts, (part) => part.key)
  return [...byResources.values()]
    .map((same): Group => {
      const actions = same.flatMap(({ pairs }) => pairs[0]?.action ?? [])
      const preset = new Set(same.flatMap(({ pairs }) => pairs.flatMap((each) => each.preset)))
      return { actions: actions.sort(byId), resources: same[0]?.resources ?? [], preset }
    })
    .sort((a, b) => (a.actions[0] && b.actions[0] ? byId(a.actions[0], b.actions[0]) : 0))
}

interface Allowed {
  readonly group: Group
  readonly patterns: readonly string[]
}

function policyOf(
  groups: readonly Group[],
  target: AwsTarget,
  shortening: Shortening,
): PolicyStatement[] {
  const allowed = groups.map(
    (group): Allowed => ({ group, patterns: allowPatterns(group, groups, shortening) }),
  )
  const declared = [...new Set(allowed.flatMap(({ patterns }) => patterns))].sort()
  return [
    ...allowed.flatMap(({ group, patterns }) => allowStatements(group, patterns, target)),
    { Effect: 'Deny', NotAction: oneOrMany(declared), Resource: '*' },
    ...identityDeny(groups),
    ...allowed.filter(({ group }) => !isUnscoped(group)).map((each) => fence(each, groups)),
  ]
}

function isUnscoped(group: Group): boolean {
  return group.resources[0] === NO_RESOURCE
}

/** Patterns that stay inside what is declared, and out of what other groups declare. */
function allowPatterns(group: Group, groups: readonly Group[], shortening: Shortening): string[] {
  const how = isUnscoped(group) ? 'none' : shortening
  return byService(group.actions).flatMap(([service, actions]) => {
    const avoid = how === 'none' ? [] : forbidden(service, group, groups)
    return coverNames(namesOf(actions), namesOf(avoid), how).map((name) => `${service}:${name}`)
  })
}

/**
 * What a wildcard must not match. It may match actions of a class that the scope asked for by
 * preset, as long as they cannot be put on any of the group's resources: those are then allowed
 * nowhere.
 */
function forbidden(service: string, group: Group, groups: readonly Group[]): Action[] {
  const found = serviceNamed(service)
  if (found === undefined) return []
  const others = new Set(groups.flatMap((each) => (each === group ? [] : each.actions)))
  const reached = typesReached(found, group.resources)
  return [...found.actions.values()].filter((action) => {
    if (group.actions.includes(action)) return false
    const harmless =
      group.preset.has(action.class) && !action.types.some((type) => reached.has(type))
    return others.has(action) || !harmless
  })
}

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

function allowStatements(
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

/** The denies of every tightening, each for the actions and resources it stands on. */
function tightDenials(declared: readonly Declared[]): PolicyStatement[] {
  const parts = declared.flatMap(({ action, resource, tightenings }) =>
    tightenings.map((tightening) => ({ action, resource, tightening })),
  )
  const same = Map.groupBy(parts, ({ tightening }) => JSON.stringify(tightening))
  return [...same]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, group]) => {
      const ids = [...new Set(group.map(({ action }) => action.id))].sort()
      const resources = [...new Set(group.map(({ resource }) => resource))].sort()
      return group[0] === undefined ? [] : denials(group[0].tightening, ids, resources)
    })
}

/** Whoever can change identities can undo the rest, so these are denied a second time by name. */
function identityDeny(groups: readonly Group[]): PolicyStatement[] {
  const used = new Set(groups.flatMap((group) => group.actions.map((action) => action.service)))
  const denied = ['iam', 'sts'].filter((service) => !used.has(service))
  if (denied.length === 0) return []
  return [{ Effect: 'Deny', Action: oneOrMany(denied.map((each) => `${each}:*`)), Resource: '*' }]
}

/**
 * Denies on every other resource whatever the group's patterns let through. Its own patterns are
 * as short as they can be without matching what another group declares: what they match besides
 * is denied anyway.
 */
function fence({ group, patterns }: Allowed, groups: readonly Group[]): PolicyStatement {
  const others = groups.filter((each) => each !== group).flatMap((each) => each.actions)
  const byPrefix = Map.groupBy(patterns, (pattern) => pattern.split(':')[0] ?? '')
  const fenced = [...byPrefix].flatMap(([service, own]) => {
    const avoid = namesOf(others.filter((action) => action.service === service))
    const names = own.map((pattern) => pattern.slice(service.length + 1))
    return coverNames(names, avoid, 'letters').map((name) => `${service}:${name}`)
  })
  return { Effect: 'Deny', Action: oneOrMany(fenced), NotResource: oneOrMany(group.resources) }
}

function byService(actions: readonly Action[]): [string, Action[]][] {
  return [...Map.groupBy(actions, (action) => action.service)]
}

function namesOf(actions: readonly Action[]): string[] {
  return actions.map((action) => action.name)
}

function byId(a: Action, b: Action): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
