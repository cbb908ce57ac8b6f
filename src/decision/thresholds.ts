import { EVERY_APPROVER } from '../identity/approver-group.ts'
import type { StepUp } from '../identity/step-up.ts'
import type { BlastRadius } from '../plan/blast-radius.ts'
import type { Need, Threshold } from '../scope/threshold.ts'
import { autonomyRules } from './autonomy.ts'
import { NO_POLICY } from './policy.ts'
import type { Reason } from './reason.ts'
import type { DecisionRequest } from './request.ts'

/** What people must agree to before a request is allowed. */
export interface Requirement {
  /** Names of the rules that ask for it. */
  readonly rules: readonly string[]
  /** By group, in the order of their names; one person counts for one group. */
  readonly needs: readonly Need[]
  /** Life of the request in seconds, approved or not. */
  readonly lifeSeconds: number
  readonly reasonRequired: boolean
  readonly stepUp: readonly StepUp[]
}

const DEFAULT_LIFE_SECONDS = 3600
export const BREAK_GLASS = 'break-glass'

type Asked = Pick<
  DecisionRequest,
  'caller' | 'scope' | 'environment' | 'plan' | 'policy' | 'breakGlass' | 'now'
>

export interface Thresholds {
  /** Of rules that refuse; whatever else matches, these win. */
  readonly refusals: readonly Reason[]
  /** What people must agree to; undefined when nobody needs to be asked. */
  readonly requirement: Requirement | undefined
  /** Standing approvals that lifted what the autonomy level would have asked for. */
  readonly standing: readonly Reason[]
}

/**
 * What all matching rules together say. Of two rules that name one group the larger count holds;
 * everything else adds up, and `approvers`, the whole role, is met by members of any group. The
 * operator's `allow` lifts what the autonomy level asks for and nothing else.
 */
export function thresholdsOf(request: Asked): Thresholds {
  const rules = matching(request)
  if (rules.length === 0) return NOTHING
  const refusals = rules.flatMap(({ name, refuse }): Reason[] =>
    refuse === undefined ? [] : [{ code: 'threshold_refused', message: `${name}: ${refuse}` }],
  )
  return {
    refusals,
    requirement: requirementOf(rules, request),
    standing: standing(rules, request),
  }
}

const NOTHING: Thresholds = { refusals: [], requirement: undefined, standing: [] }

function requirementOf(rules: readonly Threshold[], request: Asked): Requirement | undefined {
  const asking = rules.filter(({ needs }) => needs !== undefined)
  if (asking.length === 0) return undefined
  const prod = request.environment.class !== 'nonprod'
  const { prodStepUp } = request.policy ?? NO_POLICY
  return {
    rules: asking.map(({ name }) => name),
    needs: strictest(asking.flatMap(({ needs }) => needs ?? [])),
    lifeSeconds: Math.min(...asking.map(({ expires }) => expires ?? DEFAULT_LIFE_SECONDS)),
    reasonRequired: prod || asking.some(({ reason_required }) => reason_required === true),
    stepUp: [
      ...(prod || request.breakGlass === true ? [prodStepUp] : []),
      ...asking.flatMap(({ step_up }) => step_up ?? []),
    ],
  }
}

/** Members of a named group are approvers too: that need is only for those still missing. */
function strictest(needs: readonly Need[]): Need[] {
  const counts = new Map<string, number>()
  for (const { group, count } of needs) counts.set(group, Math.max(count, counts.get(group) ?? 0))
  const anybody = counts.get(EVERY_APPROVER) ?? 0
  counts.delete(EVERY_APPROVER)
  const named = [...counts].reduce((total, [, count]) => total + count, 0)
  if (anybody > named) counts.set(EVERY_APPROVER, anybody - named)
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, count]) => ({ group, count }))
}

function matching(request: Asked): readonly Threshold[] {
  const { policy = NO_POLICY, scope, environment } = request
  if (request.breakGlass === true) return emergency(request)
  const operators = policy.thresholds.filter((rule) => matches(rule.when, request))
  const lifted = operators.some((rule) => isStanding(rule, request))
  const others = [...(lifted ? [] : autonomyRules(environment)), ...(scope.thresholds ?? [])]
  return [...operators, ...others.filter((rule) => matches(rule.when, request))]
}

/** An `allow` is good until its time; then the autonomy level asks again. */
function isStanding({ allow, until }: Threshold, { now }: Asked): boolean {
  return allow !== undefined && (until === undefined || now.getTime() < Date.parse(until))
}

function standing(rules: readonly Threshold[], request: Asked): readonly Reason[] {
  const used = rules.filter((rule) => isStanding(rule, request))
  const lifted = autonomyRules(request.environment).some((rule) => matches(rule.when, request))
  if (!lifted || request.breakGlass === true) return []
  return used.map(({ name, allow }) => ({
    code: 'standing_approval',
    message: `${name}: ${allow ?? ''}`,
  }))
}

/** What rules would have asked for is asked for as well; what they refuse, two people may allow. */
function emergency(request: Asked): readonly Threshold[] {
  const { breakGlass } = request.policy ?? NO_POLICY
  if (breakGlass === undefined) return []
  const needs = [{ group: breakGlass.group, count: 1 }]
  const when = { callers: [request.caller.class] }
  const asking = matching({ ...request, breakGlass: false }).filter(
    (rule) => rule.needs !== undefined,
  )
  return [{ name: BREAK_GLASS, when, needs, reason_required: true }, ...asking]
}

type Condition = Threshold['when']

function matches(when: Condition, { caller, scope, environment, plan }: Asked): boolean {
  const { blastRadius } = plan
  return (
    (when.environment_class === undefined || when.environment_class === environment.class) &&
    includes(when.environments, [environment.name]) &&
    includes(when.scopes, [scope.name]) &&
    includes(when.callers, [caller.class]) &&
    includes(when.accounts, blastRadius.accounts) &&
    some(when.verbs, blastRadius.tablesBy) &&
    some(when.action_classes, blastRadius.actionsBy) &&
    (when.more_than === undefined || exceeds(when.more_than, blastRadius))
  )
}

function includes(wanted: readonly string[] | undefined, present: readonly string[]): boolean {
  return wanted === undefined || present.some((each) => wanted.includes(each))
}

function some(
  wanted: readonly string[] | undefined,
  counts: Readonly<Record<string, number>>,
): boolean {
  return wanted === undefined || wanted.some((name) => (counts[name] ?? 0) > 0)
}

/** Every bound that is given must be exceeded: several rules say "or". */
function exceeds(bounds: NonNullable<Condition['more_than']>, radius: BlastRadius): boolean {
  return (
    isOver(radius.accounts.length, bounds.accounts) &&
    isOver(radius.databases, bounds.databases) &&
    isOver(radius.tables, bounds.tables) &&
    isOver(radius.resources.named, bounds.named_resources) &&
    isOver(radius.resources.wildcard, bounds.wildcard_resources) &&
    isOver(radius.ttlSeconds, bounds.ttl) &&
    areOver(radius.tablesBy, bounds.tables_by) &&
    areOver(radius.actionsBy, bounds.actions_by)
  )
}

function isOver(count: number, bound: number | undefined): boolean {
  return bound === undefined || count > bound
}

function areOver(
  counts: Readonly<Record<string, number>>,
  bounds: Readonly<Record<string, number | undefined>> | undefined,
): boolean {
  if (bounds === undefined) return true
  return Object.entries(bounds).every(([name, bound]) => isOver(counts[name] ?? 0, bound))
}
