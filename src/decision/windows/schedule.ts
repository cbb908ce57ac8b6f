import type { Freeze, Schedule, Window } from '../../environment/schedule.ts'
import { changeOf, type OpenState, stateAt } from './state.ts'

/** What a request is measured against: the environment's schedule and what the scope adds to it. */
export interface Subject {
  readonly schedule: Schedule
  readonly scope: string
  /** Windows the scope names for itself. */
  readonly windows: readonly string[]
  /** Whether its plan does more than read. */
  readonly changes: boolean
}

/** Something that must be open: any of these windows, or the time outside a freeze. */
export type Condition =
  | {
      readonly kind: 'windows'
      readonly of: 'environment' | 'scope'
      readonly any: readonly Window[]
    }
  | { readonly kind: 'freeze'; readonly freeze: Freeze }
  | { readonly kind: 'unknown'; readonly names: readonly string[] }

/** Everything that must be open at once for this subject. */
export function conditionsOf(subject: Subject): Condition[] {
  const { schedule, scope, changes } = subject
  const applies = ({ covers }: Window | Freeze) => covers === 'everything' || changes
  const freezes = schedule.freezes.filter((freeze) => applies(freeze) && concerns(freeze, scope))
  return [
    ...requirement(schedule, schedule.required, 'environment', applies),
    ...requirement(schedule, subject.windows, 'scope', applies),
    ...freezes.map((freeze): Condition => ({ kind: 'freeze', freeze })),
  ]
}

function concerns({ scopes, exceptScopes }: Freeze, scope: string): boolean {
  return !exceptScopes.includes(scope) && (scopes === undefined || scopes.includes(scope))
}

/** A name that leads nowhere is never open. A window that leaves reads alone is open for them. */
function requirement(
  { windows }: Schedule,
  names: readonly string[],
  of: 'environment' | 'scope',
  applies: (window: Window) => boolean,
): Condition[] {
  if (names.length === 0) return []
  const missing = names.filter((name) => !windows.has(name))
  if (missing.length > 0) return [{ kind: 'unknown', names: missing }]
  const any = names.flatMap((name) => windows.get(name) ?? [])
  return any.every(applies) ? [{ kind: 'windows', of, any }] : []
}

export function conditionAt(condition: Condition, at: number): OpenState {
  switch (condition.kind) {
    case 'unknown':
      return { open: false, next: undefined }
    case 'freeze':
      return freezeAt(condition.freeze, at)
    case 'windows':
      return anyAt(condition.any, at)
  }
}

function freezeAt({ from, to }: Freeze, at: number): OpenState {
  if (at >= from && at < to) return { open: false, next: to }
  return { open: true, until: at < from ? from : undefined }
}

/** Longer than anything that is given lives. */
const FAR_MS = 7 * 86_400_000

/**
 * Windows that overlap or meet are as one: what one closes, another may keep open. Two that take
 * turns never close; how long they stay open is followed for a week.
 */
function anyAt(windows: readonly Window[], at: number): OpenState {
  let until = at
  while (until - at < FAR_MS) {
    const states = windows.map((window) => stateAt(window, until))
    const open = states.filter((state) => state.open)
    if (open.length === 0) break
    const ends = open.map(changeOf)
    if (ends.includes(undefined)) return { open: true, until: undefined }
    until = Math.max(...ends.map(Number))
  }
  if (until > at) return { open: true, until }
  return { open: false, next: earliest(windows.map((window) => changeOf(stateAt(window, at)))) }
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** All conditions together. */
export function allAt(conditions: readonly Condition[], at: number): OpenState {
  const states = conditions.map((condition) => conditionAt(condition, at))
  if (states.some(({ open }) => !open)) return { open: false, next: nextOpening(conditions, at) }
  return { open: true, until: earliest(states.map(changeOf)) }
}

/** Contradictory conditions open one after the other and never together: the search gives up. */
const MAX_STEPS = 2000
const HORIZON_MS = 400 * 86_400_000

function nextOpening(conditions: readonly Condition[], from: number): number | undefined {
  let at = from
  for (let step = 0; step < MAX_STEPS && at - from < HORIZON_MS; step += 1) {
    const closed = conditions
      .map((condition) => conditionAt(condition, at))
      .filter((state) => !state.open)
    if (closed.length === 0) return at
    const nexts = closed.map(changeOf)
    if (nexts.includes(undefined)) return undefined
    at = Math.max(...nexts.map(Number))
  }
  return undefined
}
