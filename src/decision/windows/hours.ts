import { Temporal } from 'temporal-polyfill'
import type { Window } from '../../environment/schedule.ts'
import { DAYS, type Opening, ORDINALS } from '../../environment/window.ts'

/** Half-open: `from` is in it, `to` is not. In ms since the epoch. */
export interface Interval {
  readonly from: number
  readonly to: number
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 1440
const HOUR_MS = 3_600_000

/**
 * When a window is open on one local day, in order and without overlap.
 *
 * The rule at changes of the clock: an instant is in the window when the zone's clocks then show a
 * time that is. A skipped time is never shown, so an opening at it starts with the next one that is;
 * a repeated time is shown twice and counts both times.
 */
export function openOn(window: Window, day: Temporal.PlainDate): Interval[] {
  if (window.closedDays.has(day.toString())) return []
  const spans = spansOf(window, day)
  if (spans.length === 0) return []
  const midnight = day.toZonedDateTime('UTC').epochMilliseconds
  const intervals = offsetsAround(window.zone, midnight).flatMap(({ from, to, offset }) =>
    spans.map((span) => ({
      from: Math.max(from, midnight + span.from * MINUTE_MS - offset),
      to: Math.min(to, midnight + span.to * MINUTE_MS - offset),
    })),
  )
  return merged(intervals.filter(({ from, to }) => from < to))
}

/** Sorted, with those that touch or overlap made one. */
export function merged(intervals: readonly Interval[]): Interval[] {
  const result: { from: number; to: number }[] = []
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1)
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to)
    else result.push({ from, to })
  }
  return result
}

/** Minutes of the local day, of what starts on it and of what started the evening before. */
function spansOf(window: Window, day: Temporal.PlainDate): Interval[] {
  const before = day.subtract({ days: 1 })
  return window.open.flatMap((opening) => {
    const { from, to } = opening
    const overnight = to < from
    const today = startsOn(opening, day) ? [{ from, to: overnight ? DAY_MINUTES : to }] : []
    const early = overnight && startsOn(opening, before) ? [{ from: 0, to }] : []
    return [...early, ...today]
  })
}

function startsOn(opening: Opening, day: Temporal.PlainDate): boolean {
  if (opening.dates !== undefined) return opening.dates.includes(day.toString())
  const weekday = DAYS[day.dayOfWeek - 1]
  if (weekday === undefined || opening.days?.includes(weekday) !== true) return false
  return opening.of_month === undefined || opening.of_month.some((each) => isThe(each, day))
}

function isThe(ordinal: (typeof ORDINALS)[number], day: Temporal.PlainDate): boolean {
  if (ordinal === 'last') return day.day + 7 > day.daysInMonth
  return Math.ceil(day.day / 7) === ORDINALS.indexOf(ordinal) + 1
}

interface Offset extends Interval {
  /** What the zone adds to UTC, in ms. */
  readonly offset: number
}

/** No zone has ever been further from UTC than this. */
const WIDEST_MS = 26 * HOUR_MS

/** Every offset under which clocks of the zone may show some time of the day that starts here in UTC. */
function offsetsAround(zone: string, midnight: number): Offset[] {
  const end = midnight + DAY_MINUTES * MINUTE_MS + WIDEST_MS
  const pieces: Offset[] = []
  let at = Temporal.Instant.fromEpochMilliseconds(midnight - WIDEST_MS).toZonedDateTimeISO(zone)
  while (at.epochMilliseconds < end) {
    const next = at.getTimeZoneTransition('next')
    const to = Math.min(end, next?.epochMilliseconds ?? end)
    pieces.push({ from: at.epochMilliseconds, to, offset: at.offsetNanoseconds / 1_000_000 })
    if (next === null) break
    at = next
  }
  return pieces
}
