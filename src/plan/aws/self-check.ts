import type { AwsTarget } from '../../environment/target-aws.ts'
import { NO_RESOURCE } from '../../scope/access-aws.ts'
import { type Action, serviceNamed } from './actions.ts'
import type { Declared } from './declared.ts'
import { evaluatePolicies } from './evaluation/evaluate.ts'
import { listOf } from './evaluation/match.ts'
import { type AwsPrincipal, RequestContext } from './evaluation/request.ts'
import { globMatches } from './glob.ts'
import type { Group } from './group.ts'
import type { Policy } from './policy.ts'
import { typesReached } from './resource.ts'

const PRINCIPAL: AwsPrincipal = {
  account: '000000000000',
  role: 'arn:aws:iam::000000000000:role/self-check',
  session: 'arn:aws:sts::000000000000:assumed-role/self-check/session',
}

/** The most that a role and a resource policy can give. */
const EVERYTHING: Policy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }],
}

/** What key policies usually say: the account's own policies decide. */
const DELEGATION: Policy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { AWS: PRINCIPAL.account }, Action: '*', Resource: '*' },
  ],
}

/**
 * Reads the compiled text back and asks the evaluator: is every declared pair allowed, and is every
 * other known action, and every declared action on another declared resource, denied even when a
 * resource policy gives everything to everyone? Returns the first pair for which that is not so. A
 * compiler's mistake then refuses a plan instead of widening it.
 */
export function failedPair(
  text: string,
  groups: readonly Group[],
  declared: readonly Declared[],
  target: AwsTarget,
): string | undefined {
  const session: Policy = JSON.parse(text)
  const resources = [...new Set(declared.map((each) => each.resource))]
  const probes = new Map(resources.map((resource) => [resource, probeOf(resource)]))
  const byAction = Map.groupBy(declared, (each) => each.action)
  const contexts = new Map<Action, RequestContext>()
  const contextFor = (action: Action) => {
    const context = contexts.get(action) ?? contextOf(byAction.get(action) ?? [], target)
    contexts.set(action, context)
    return context
  }
  const answer = (action: Action, resource: string, open: boolean) =>
    evaluatePolicies(
      {
        action: action.id,
        resource: probes.get(resource) ?? resource,
        principal: PRINCIPAL,
        context: contextFor(action),
      },
      { identity: [EVERYTHING], session: [session], resource: [open ? EVERYTHING : DELEGATION] },
    ).answer

  for (const { actions, resources: own } of groups) {
    const others = resources.filter((resource) => !overlaps(resource, own))
    for (const action of actions) {
      const refused = own.find((resource) => answer(action, resource, false) !== 'allowed')
      if (refused !== undefined) return `${action.id} on ${refused} is not allowed`
      const opened = others.find((resource) => answer(action, resource, true) !== 'denied')
      if (opened !== undefined) return `${action.id} on ${opened} is not denied`
    }
  }
  for (const action of exempt(session, groups)) {
    const opened = resources.find(
      (resource) => canReach(action, resource) && answer(action, resource, true) !== 'denied',
    )
    if (opened !== undefined) return `${action.id} on ${opened} is not denied`
  }
  return undefined
}

/** A request that passes every condition the policy puts on the action. */
function contextOf(own: readonly Declared[], target: AwsTarget): RequestContext {
  const passing = own.flatMap(({ tightenings }) => tightenings.map((each) => each.passing))
  return new RequestContext(
    {
      'aws:RequestedRegion': target.region,
      's3:ResourceAccount': target.account,
      ...Object.assign({}, ...passing),
    },
    { complete: true },
  )
}

/** A name that the pattern matches. */
function probeOf(resource: string): string {
  return resource === NO_RESOURCE ? resource : resource.replaceAll(/[*?]/g, 'x')
}

function overlaps(resource: string, own: readonly string[]): boolean {
  const probe = probeOf(resource)
  return own.some((each) => each === resource || globMatches(each, probe))
}

/** Known actions that nobody declared and the closing deny leaves out: a wildcard matched them. */
function exempt(session: Policy, groups: readonly Group[]): Action[] {
  const declared = new Set(groups.flatMap((group) => group.actions))
  const closing = session.Statement.find((statement) => statement.NotAction !== undefined)
  const patterns = listOf(closing?.NotAction ?? []).filter((pattern) => pattern.includes('*'))
  const services = new Set(patterns.map((pattern) => pattern.split(':')[0] ?? ''))
  return [...services].flatMap((service) =>
    [...(serviceNamed(service)?.actions.values() ?? [])].filter(
      (action) =>
        !declared.has(action) && patterns.some((pattern) => globMatches(pattern, action.id)),
    ),
  )
}

/**
 * An exempt action may be matched where it cannot act: by the data its resource is never of that
 * type, so AWS never asks. Everywhere else it must be denied.
 */
function canReach(action: Action, resource: string): boolean {
  if (resource === NO_RESOURCE) return action.unscoped
  const service = serviceNamed(action.service)
  if (service === undefined) return true
  const reached = typesReached(service, [resource])
  return action.types.some((type) => reached.has(type))
}
