import { html } from 'hono/html'
import { changeOf, type OpenState } from '../../decision/windows/state.ts'
import type { Html } from '../words.ts'

const DAY_MS = 86_400_000
/** Days of a strip, today included. */
export const STRIP_DAYS = 14
/** A window that opens and closes more often than this is drawn up to here. */
const MOST = 400

/** The days that a strip shows, in UTC. */
export interface Range {
  readonly from: number
  readonly to: number
}

export function rangeFrom(now: Date): Range {
  const from = Math.floor(now.getTime() / DAY_MS) * DAY_MS
  return { from, to: from + STRIP_DAYS * DAY_MS }
}

interface Stretch extends Range {
  readonly open: boolean
}

/** When it is open and when closed, from the beginning of the range to its end. */
export function stretchesOf(stateAt: (at: number) => OpenState, { from, to }: Range): Stretch[] {
  const stretches: Stretch[] = []
  for (let at = from; at < to && stretches.length < MOST; ) {
    const state = stateAt(at)
    const end = Math.min(changeOf(state) ?? to, to)
    stretches.push({ from: at, to: end, open: state.open })
    at = end
  }
  return stretches
}

/** One bar over the days: filled where open, with a line at the present. */
export function strip(
  kind: 'window' | 'freeze' | 'all',
  stretches: readonly Stretch[],
  range: Range,
  now: Date,
): Html {
  const x = (at: number) => (((at - range.from) / DAY_MS) * 100).toFixed(2)
  const days = Array.from({ length: STRIP_DAYS - 1 }, (_, day) => (day + 1) * 100)
  return html`<svg class="strip ${kind}" viewBox="0 0 ${STRIP_DAYS * 100} 20" preserveAspectRatio="none" aria-hidden="true">
${stretches.map(
  ({ from, to, open }) =>
    html`<rect class="${open ? 'open' : 'shut'}" x="${x(from)}" width="${x(range.from + to - from)}" y="0" height="20"/>`,
)}
${days.map((at) => html`<line class="day" x1="${at}" x2="${at}" y1="0" y2="20"/>`)}
<line class="now" x1="${x(now.getTime())}" x2="${x(now.getTime())}" y1="0" y2="20"/></svg>`
}

const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** The names of the days above the bars. */
export function dayNames({ from }: Range): Html {
  return html`<ol class="days" aria-hidden="true">${Array.from(
    { length: STRIP_DAYS },
    (_, index) => {
      const day = new Date(from + index * DAY_MS)
      const weekend = day.getUTCDay() % 6 === 0
      return html`<li${weekend ? html` class="weekend"` : ''}><span>${DAY_NAMES[day.getUTCDay()]}</span> ${day.getUTCDate()}</li>`
    },
  )}</ol>`
}
