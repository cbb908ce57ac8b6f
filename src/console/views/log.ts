import { html } from 'hono/html'
import type { FoundEntries } from '../../ledger/search.ts'
import type { ConsoleParts } from '../console.ts'
import { ENTRY_KINDS, type LogQuery } from '../log-query.ts'
import type { LogState } from '../log-state.ts'
import type { View } from '../page.ts'
import { basePath } from '../place.ts'
import { count, grouped, type Html, moment } from '../words.ts'
import { entryTable } from './entries.ts'

export interface LogPage {
  readonly state: LogState
  readonly query: LogQuery
  readonly found: FoundEntries
}

/** The log, newest first, with what is known of its soundness above it. */
export function logView(parts: ConsoleParts, { state, query, found }: LogPage): View {
  const base = basePath(parts)
  const filtered = Object.entries(query).some(([name, value]) => name !== 'before' && value)
  return {
    title: 'Log',
    ...(query.before === undefined && !filtered ? { live: true } : {}),
    body: html`<h1>Log</h1>
${logPanel(state)}
${filterForm(base, query)}
${found.entries.length === 0 ? html`<p class="none">${found.next === undefined ? 'No entry fits.' : 'None of the entries looked at so far fits.'}</p>` : entryTable(parts, found.entries, 'Entries, newest first')}
${pager(base, query, found)}`,
  }
}

/** The checkpoint and how it was checked just now. */
export function logPanel({ origin, size, root, key, remembered, witnessed }: LogState): Html {
  return html`<section class="panel" aria-labelledby="state"><h2 id="state" class="unseen-by-eye">State of the log</h2>
<dl class="numbers">
<div><dt>Entries</dt><dd>${grouped(size)}</dd></div>
<div><dt>Checkpoint</dt><dd><span class="ok">signed by ${key}</span></dd></div>
<div><dt>This broker’s memory</dt><dd>${rememberedWords(remembered)}</dd></div>
<div><dt>Witnesses</dt><dd>${witnessWords(witnessed)}</dd></div>
</dl>
<p class="rest">${origin} · root <code class="digest">${root}</code></p></section>`
}

function witnessWords(witnessed: LogState['witnessed']): Html {
  if (witnessed === undefined) return html`<span class="rest">none are configured</span>`
  const { size, by } = witnessed
  if (by.length === 0) return html`<strong class="bad">none cosigned yet</strong>`
  return html`<span class="ok">${by.join(', ')}</span> <span class="rest">at ${count(size, 'entry', 'entries')}</span>`
}

function rememberedWords(remembered: LogState['remembered']): Html {
  if (remembered === undefined) return html`<span class="rest">nothing yet</span>`
  if (!remembered.continued)
    return html`<strong class="bad">this is not the log it remembers</strong>`
  return html`<span class="ok">continues what it knows, ${count(remembered.size, 'entry', 'entries')}</span>`
}

function filterForm(base: string, query: LogQuery): Html {
  const text = (name: 'grant' | 'subject' | 'scope' | 'environment', label: string) =>
    html`<label>${label}<input name="${name}" value="${query[name] ?? ''}" autocomplete="off" spellcheck="false"></label>`
  const time = (name: 'from' | 'until', label: string) =>
    html`<label>${label}<input type="datetime-local" name="${name}" value="${query[name] ?? ''}" step="1"></label>`
  return html`<form class="filter" method="get" action="${base}/log" role="search" aria-label="Entries of the log">
<label>Kind<select name="kind"><option value="">any</option>${ENTRY_KINDS.map(
    (kind) => html`<option${kind === query.kind ? html` selected` : ''}>${kind}</option>`,
  )}</select></label>
${text('scope', 'Scope')}${text('environment', 'Environment')}${text('subject', 'Caller')}${text('grant', 'Grant')}
${time('from', 'From, UTC')}${time('until', 'Until, UTC')}
<div class="buttons"><button>Show</button><a class="button quiet" href="${base}/log">Clear</a></div>
</form>`
}

function pager(base: string, query: LogQuery, { entries, next }: FoundEntries): Html {
  const address = (before: number | undefined) => {
    const given = Object.entries({ ...query, before }).flatMap(
      ([name, value]): [string, string][] => (value === undefined ? [] : [[name, String(value)]]),
    )
    return `${base}/log?${new URLSearchParams(given)}`
  }
  const oldest = entries.at(-1)
  const where =
    oldest === undefined
      ? ''
      : html`<span class="rest">down to ${moment(new Date(oldest.entry.time))}</span>`
  return html`<nav class="pager" aria-label="Pages of the log">
${query.before === undefined ? '' : html`<a class="button quiet" href="${address(undefined)}">Newest</a>`}
${next === undefined ? '' : html`<a class="button" rel="next" href="${address(next)}">Older than entry ${grouped(next)}</a>`}
${where}</nav>`
}
