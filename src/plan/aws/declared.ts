import type { AwsTarget } from '../../environment/target-aws.ts'
import { type AwsStatement, NO_RESOURCE } from '../../scope/access-aws.ts'
import type { PlanProblem } from '../problem.ts'
import { type Action, type Service, serviceNamed } from './actions.ts'
import { parseArn } from './arn.ts'
import { type ActionClass, PRESET_CLASSES } from './classes.ts'
import { actionAt, cannotBePut, formsFor, nearestService, problem, refusalOf } from './refusal.ts'
import { type PinnedResource, pinResource } from './resource.ts'
import { classUnder, type Tightening, tighteningProblems, tighteningsOf } from './tightening.ts'

/** One action on one resource: what a scope declares, spelled out. */
export interface Declared {
  readonly action: Action
  /** An ARN pinned to the target, or `*` for an action without a resource. */
  readonly resource: string
  readonly wildcard: boolean
  /** One thing by its full name, in whatever version. */
  readonly exact: boolean
  /** What it can do here: a tightening can take the danger out of it. */
  readonly class: ActionClass
  readonly tightenings: readonly Tightening[]
  /** Classes the scope asked for by preset: wildcards may expand inside these only. */
  readonly preset: readonly ActionClass[]
}

interface Resolved {
  readonly declared: readonly Declared[]
  readonly problems: readonly PlanProblem[]
}

/** Spells out every statement, or says what is wrong with each of them. */
export function declare(access: readonly AwsStatement[], target: AwsTarget): Resolved {
  const resolved = access.map((statement, index) => declareStatement(statement, index, target))
  return {
    declared: resolved.flatMap((each) => each.declared),
    problems: resolved.flatMap((each) => each.problems),
  }
}

function declareStatement(statement: AwsStatement, index: number, target: AwsTarget): Resolved {
  const tightenings = tighteningsOf(statement, target.region)
  const raw =
    typeof statement.do === 'string'
      ? declarePreset(statement, index, target)
      : declareActions(statement, statement.do, index, target)
  const declared = raw.declared.map((each) => {
    return { ...each, tightenings, class: classUnder(each.action, tightenings) }
  })
  const refused = declared.flatMap((each) => refusalOf(each, statement, index) ?? [])
  const problems = [...raw.problems, ...tighteningProblems(statement, index), ...distinct(refused)]
  return { declared, problems }
}

/** A preset on a resource: the actions of its classes that can be put on that type of resource. */
function declarePreset(statement: AwsStatement, index: number, target: AwsTarget): Resolved {
  const preset = PRESET_CLASSES[statement.do as keyof typeof PRESET_CLASSES]
  const parts = statement.on.map((text, at): Resolved => {
    const path = [index, 'on', at]
    const service = text === NO_RESOURCE ? undefined : serviceOfArn(text)
    if (service === undefined || typeof service === 'string') {
      const message = service ?? `${String(statement.do)} needs a resource to know the service`
      return failed({ path, message, expected: service ? nearestService(text) : 'an ARN' })
    }
    const pinned = pinResource(text, service, target)
    if (!pinned.ok) return failed({ path, ...pinned })
    const actions = [...service.actions.values()].filter(
      (action) => preset.includes(action.class) && fits(action, pinned.value),
    )
    if (actions.length === 0) {
      const message = `${String(statement.do)} has no action for ${text}`
      return failed({ path, message, expected: 'actions by name, or another resource' })
    }
    return { declared: actions.map((action) => pair(action, pinned.value, preset)), problems: [] }
  })
  return merge(parts)
}

/** Actions by name: each must fit one of the resources at least, and each resource one of them. */
function declareActions(
  statement: AwsStatement,
  ids: readonly string[],
  index: number,
  target: AwsTarget,
): Resolved {
  const found = ids.map((id, at) => actionAt(id, [index, 'do', at]))
  const actions = found.flatMap((each) => (each.ok ? [each.action] : []))
  const unknown = found.flatMap((each) => (each.ok ? [] : [each.problem]))
  if (unknown.length > 0) return { declared: [], problems: unknown }
  if (statement.on[0] === NO_RESOURCE) return merge(actions.map(withoutResource(ids, index)))

  const names = [...new Set(actions.map((action) => action.service))]
  const owners = names.flatMap((name) => serviceNamed(name) ?? [])
  const placed = statement.on.map((text, at) => placeOn(text, [index, 'on', at], owners, target))
  const problems = placed.flatMap((each) => each.problems)
  if (problems.length > 0) return { declared: [], problems }

  const pairs = placed.flatMap(({ byService }) =>
    actions.flatMap((action) => {
      const pinned = byService.get(action.service)
      return pinned !== undefined && fits(action, pinned) ? [pair(action, pinned, [])] : []
    }),
  )
  const homeless = actions.flatMap((action) =>
    pairs.some((each) => each.action === action)
      ? []
      : [cannotBePut(action, [index, 'do', ids.indexOf(action.id)])],
  )
  const idle = placed.flatMap(({ byService }, at): PlanProblem[] => {
    const used = [...byService.values()].some(({ arn }) => pairs.some((p) => p.resource === arn))
    if (used) return []
    const message = `none of these actions can be put on ${statement.on[at] ?? ''}`
    const expected = `an action of ${[...byService.values()].flatMap((p) => p.types).join(' or ')}`
    return [problem({ path: [index, 'on', at], message, expected })]
  })
  return { declared: pairs, problems: homeless.length > 0 ? homeless : idle }
}

interface Placed {
  /** The resource as each of the statement's services knows it. */
  readonly byService: ReadonlyMap<string, PinnedResource>
  readonly problems: readonly PlanProblem[]
}

/** Places an ARN in those of the services whose resources have that form; one is enough. */
function placeOn(
  text: string,
  path: PlanProblem['path'],
  owners: readonly Service[],
  target: AwsTarget,
): Placed {
  const results = owners.map((owner) => ({ owner, pinned: pinResource(text, owner, target) }))
  const byService = new Map(
    results.flatMap(({ owner, pinned }) => (pinned.ok ? [[owner.name, pinned.value]] : [])),
  )
  if (byService.size > 0) return { byService, problems: [] }
  const owner = serviceOfArn(text)
  const own = results.find((each) => typeof owner === 'object' && each.owner.name === owner.name)
  const failure = (own ?? results[0])?.pinned
  if (failure === undefined || failure.ok) return { byService, problems: [] }
  const { message, expected } = failure
  return { byService, problems: [problem({ path, message, expected })] }
}

function withoutResource(ids: readonly string[], index: number): (action: Action) => Resolved {
  return (action) => {
    const path = [index, 'do', ids.indexOf(action.id)]
    if (!action.unscoped) {
      const message = `${action.id} can be put on a resource, so it cannot be put on *`
      return failed({ path, message, expected: formsFor(action) })
    }
    const place = { arn: NO_RESOURCE, types: [], wildcard: true, exact: false }
    return { declared: [pair(action, place, [])], problems: [] }
  }
}

function serviceOfArn(text: string): Service | string {
  const arn = parseArn(text)
  if (!arn.ok) return arn.message
  const service = serviceNamed(arn.value.service)
  return service ?? `service ${arn.value.service} has no classified actions`
}

function fits(action: Action, pinned: PinnedResource): boolean {
  return action.types.some((type) => pinned.types.includes(type))
}

function pair(action: Action, pinned: PinnedResource, preset: readonly ActionClass[]): Declared {
  const { arn: resource, wildcard, exact } = pinned
  return { action, resource, wildcard, exact, class: action.class, tightenings: [], preset }
}

function distinct(problems: readonly PlanProblem[]): PlanProblem[] {
  return [...new Map(problems.map((each) => [JSON.stringify(each.path), each])).values()]
}

function merge(parts: readonly Resolved[]): Resolved {
  return {
    declared: parts.flatMap((each) => each.declared),
    problems: parts.flatMap((each) => each.problems),
  }
}

function failed(found: Omit<PlanProblem, 'code'>): Resolved {
  return { declared: [], problems: [problem(found)] }
}
