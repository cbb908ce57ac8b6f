import type { AwsTarget } from '../../environment/target-aws.ts'
import { type Action, serviceNamed } from './actions.ts'
import { allowStatements } from './allow.ts'
import { coverNames, type Shortening } from './cover.ts'
import type { Declared } from './declared.ts'
import { type Group, isUnscoped } from './group.ts'
import {
  EXPIRY_SIZE,
  MAX_POLICY_SIZE,
  oneOrMany,
  type PolicyStatement,
  policyText,
} from './policy.ts'
import { typesReached } from './resource.ts'
import { denials } from './tightening.ts'

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
