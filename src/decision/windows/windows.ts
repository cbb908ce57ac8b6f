import { Temporal } from 'temporal-polyfill'
import { PRESET_CLASSES } from '../../plan/aws/classes.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Reason } from '../reason.ts'
import type { DecisionRequest } from '../request.ts'
import { allAt, type Condition, conditionAt, conditionsOf, type Subject } from './schedule.ts'

type Timed = Pick<DecisionRequest, 'scope' | 'environment' | 'plan' | 'issuedAt' | 'now'>

/** Less time than this before the close is not worth a credential. */
const LEAST_MS = 60_000

/**
 * Why this is not the time for the request, with the next time that is. What counts is now: a
 * grant that was given inside a window gives nothing any more when the window was moved since,
 * unless that window lets live grants finish.
 */
export function windowBreaches(request: Timed): Reason[] {
  const repeated = request.issuedAt.getTime() < request.now.getTime()
  const conditions = conditionsOf(subjectOf(request)).filter(
    (each) => !repeated || endsGrants(each),
  )
  if (conditions.length === 0) return []
  const now = request.now.getTime()
  const state = allAt(conditions, now)
  if (state.open) {
    const left = (state.until ?? Number.POSITIVE_INFINITY) - now
    if (repeated || left >= LEAST_MS) return []
    const message = `the window closes at ${instant(state.until ?? now)}, in less than a minute`
    return [
      { code: 'outside_window', message: `${message}; ${again(conditions, state.until ?? now)}` },
    ]
  }
  const next = state.next === undefined ? NEVER : `the next window opens at ${instant(state.next)}`
  return conditions
    .filter((condition) => !conditionAt(condition, now).open)
    .map((condition) => closedReason(condition, next))
}

/**
 * The last instant a grant may live to because something closes then, in ms since the epoch. A
 * window or freeze that lets live grants finish does not bind them.
 */
export function closesAt(request: Timed): number | undefined {
  const conditions = conditionsOf(subjectOf(request)).filter(endsGrants)
  if (conditions.length === 0) return undefined
  const state = allAt(conditions, request.issuedAt.getTime())
  return state.open ? state.until : request.issuedAt.getTime()
}

function subjectOf({ scope, environment, plan }: Timed): Subject {
  return {
    schedule: environment.schedule,
    scope: scope.name,
    windows: scope.windows,
    changes: changesAnything(plan),
  }
}

const READS: readonly string[] = PRESET_CLASSES.read

/** Anything beyond reading rows, objects and configuration. */
export function changesAnything({ blastRadius }: Pick<Plan, 'blastRadius'>): boolean {
  const { insert, update, delete: remove } = blastRadius.tablesBy
  const actions = Object.entries(blastRadius.actionsBy).filter(([, count]) => count > 0)
  return insert + update + remove > 0 || actions.some(([name]) => !READS.includes(name))
}

/** RFC 3339, UTC: the one form that nobody reads in another zone. */
export function instant(ms: number): string {
  return Temporal.Instant.fromEpochMilliseconds(ms).toString({ smallestUnit: 'second' })
}

const NEVER = 'none opens within 400 days'

function again(conditions: readonly Condition[], from: number): string {
  const state = allAt(conditions, from)
  if (state.open) return 'ask again then'
  return state.next === undefined ? NEVER : `the next one opens at ${instant(state.next)}`
}

function endsGrants(condition: Condition): boolean {
  switch (condition.kind) {
    case 'unknown':
      return true
    case 'freeze':
      return condition.freeze.atClose === 'end'
    case 'windows':
      return condition.any.some(({ atClose }) => atClose === 'end')
  }
}

function closedReason(condition: Condition, next: string): Reason {
  switch (condition.kind) {
    case 'unknown':
      return {
        code: 'outside_window',
        message: `no window is called ${condition.names.join(' or ')}`,
      }
    case 'freeze': {
      const { name, to, reason } = condition.freeze
      const message = `freeze ${name} holds until ${instant(to)} (${reason}); ${next}`
      return { code: 'frozen', message }
    }
    case 'windows': {
      const names = condition.any.map(({ name }) => name).join(' or ')
      const message = `the ${condition.of} wants window ${names}, which is closed; ${next}`
      return { code: 'outside_window', message }
    }
  }
}
