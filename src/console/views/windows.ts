import { html } from 'hono/html'
import {
  allAt,
  type Condition,
  conditionAt,
  conditionsOf,
} from '../../decision/windows/schedule.ts'
import type { OpenState } from '../../decision/windows/state.ts'
import type { Environment } from '../../environment/environment.ts'
import type { ConsoleParts } from '../console.ts'
import type { View } from '../page.ts'
import { dayNames, type Range, rangeFrom, stretchesOf, strip } from '../picture/strip.ts'
import { type Html, moment, seen } from '../words.ts'
import { environmentChip } from './grants.ts'

/** When grants are given, on a strip of days: bars before words. */
export function windowsView(parts: ConsoleParts): View {
  const now = parts.clock.now()
  const range = rangeFrom(now)
  return {
    title: 'Windows',
    body: html`<h1>Windows</h1>
<p class="lead">When changes may be granted, today and the thirteen days after it, in UTC. Scopes can name windows of their own, which narrow these further.</p>
${[...parts.environments.values()].map((environment) => environmentSection(parts, environment, { now, range }))}`,
  }
}

interface Times {
  readonly now: Date
  readonly range: Range
}

function environmentSection(
  parts: ConsoleParts,
  { name, schedule }: Environment,
  times: Times,
): Html {
  const conditions = conditionsOf({ schedule, scope: '', windows: [], changes: true })
  const heading = html`<h2 id="windows-${name}">${environmentChip(parts, name)}</h2>`
  if (conditions.length === 0) {
    return html`<section class="panel" aria-labelledby="windows-${name}"><div class="head">${heading}<p class="rest">open at any time</p></div></section>`
  }
  const all = (at: number) => allAt(conditions, at)
  return html`<section class="panel" aria-labelledby="windows-${name}"><div class="head">${heading}<p class="state">${stateWords(all(times.now.getTime()))}</p></div>
<div class="strips">${dayNames(times.range)}
${bar('all', 'together', all, times)}
${conditions.map((condition) => conditionBar(condition, times))}</div></section>`
}

function conditionBar(condition: Condition, times: Times): Html {
  const stateAt = (at: number) => conditionAt(condition, at)
  switch (condition.kind) {
    case 'freeze':
      return bar(
        'freeze',
        html`freeze ${condition.freeze.name}: ${seen(condition.freeze.reason)}`,
        stateAt,
        times,
      )
    case 'windows':
      return bar(
        'window',
        condition.any.map(({ name, zone }) => `${name} (${zone})`).join(' or '),
        stateAt,
        times,
      )
    case 'unknown':
      return html`<p class="bad">There is no window ${condition.names.join(' or ')}: never open.</p>`
  }
}

function bar(
  kind: 'window' | 'freeze' | 'all',
  name: Html | string,
  stateAt: (at: number) => OpenState,
  { now, range }: Times,
): Html {
  return html`<div class="bar"><p class="rest">${name}<span class="unseen-by-eye">: ${stateWords(stateAt(now.getTime()))}</span></p>${strip(kind, stretchesOf(stateAt, range), range, now)}</div>`
}

function stateWords(state: OpenState): Html {
  if (state.open) {
    return html`<span class="dot live"></span>Open${state.until === undefined ? '' : html` until ${moment(new Date(state.until))}`}`
  }
  return html`<span class="dot ended"></span>Closed${state.next === undefined ? ': none opens within 400 days' : html` until ${moment(new Date(state.next))}`}`
}
