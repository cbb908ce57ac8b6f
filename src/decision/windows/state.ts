import { Temporal } from 'temporal-polyfill'
import type { Window } from '../../environment/schedule.ts'
import { type Interval, merged, openOn } from './hours.ts'

/**
 * What holds at an instant: open, until when at least; or closed, and when it opens next. Times in
 * ms since the epoch; undefined is further away than anyone plans.
 */
export type OpenState =
  | { readonly open: true; readonly until: number | undefined }
  | { readonly open: false; readonly next: number | undefined }

const DAY_MS = 86_400_000
const BEFORE_DAYS = 2
const EDGE_DAYS = 3
/** Most windows open again within two weeks. */
const NEAR_DAYS = 16
/** A year and its holidays. */
const HORIZON_DAYS = 400

interface Stretch {
  readonly from: number
  readonly to: number
  readonly state: OpenState
}

/** What was found for a window lately, and for how long each stays true. */
const remembered = new WeakMap<Window, readonly Stretch[]>()
const REMEMBERED = 16

/** Pure: the same answer for the same window and instant, found once for each stretch of time. */
export function stateAt(window: Window, at: number): OpenState {
  const known = remembered.get(window) ?? []
  const stretch = known.find(({ from, to }) => at >= from && at < to)
  if (stretch !== undefined) return stretch.state
  const state = find(window, at)
  const found = { from: at, to: changeOf(state) ?? at + DAY_MS, state }
  remembered.set(window, [found, ...known.slice(0, REMEMBERED - 1)])
  return state
}

/** When a state ends. */
export function changeOf(state: OpenState): number | undefined {
  return state.open ? state.until : state.next
}

function find(window: Window, at: number): OpenState {
  const near = among(openings(window, at, NEAR_DAYS), at)
  if (isWithin(near, at, NEAR_DAYS)) return near
  const far = among(openings(window, at, HORIZON_DAYS), at)
  if (isWithin(far, at, HORIZON_DAYS)) return far
  return far.open ? { open: true, until: undefined } : { open: false, next: undefined }
}

/** At the edge of what was looked at another day could change the answer, and a zone can skip one. */
function isWithin(state: OpenState, at: number, days: number): boolean {
  const change = changeOf(state)
  return change !== undefined && change < at + (days - EDGE_DAYS) * DAY_MS
}

function among(intervals: readonly Interval[], at: number): OpenState {
  const first = intervals.find(({ to }) => to > at)
  if (first === undefined || first.from > at) return { open: false, next: first?.from }
  return { open: true, until: first.to }
}

/** Days are put together before anything is read off: where a clock is set back over midnight, they interleave. */
function openings(window: Window, at: number, days: number): Interval[] {
  const today = Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(window.zone)
    .toPlainDate()
  const count = days + BEFORE_DAYS
  return merged(
    Array.from({ length: count }, (_, index) => index - BEFORE_DAYS).flatMap((offset) =>
      openOn(window, today.add({ days: offset })),
    ),
  )
}
