import { html } from 'hono/html'
import type { Entry } from '../../ledger/entry.ts'
import type { FoundEntry } from '../../ledger/search.ts'
import type { ConsoleParts } from '../console.ts'
import { basePath } from '../place.ts'
import { grouped, type Html, moment, seen } from '../words.ts'
import { alarm } from './grants.ts'

/** Entries of the log as rows, newest first. */
export function entryTable(
  parts: ConsoleParts,
  entries: readonly FoundEntry[],
  caption: string,
): Html {
  const base = basePath(parts)
  return html`<table class="cards entries">
<caption class="unseen-by-eye">${caption}</caption>
<thead><tr><th scope="col">Entry</th><th scope="col">Time</th><th scope="col">What happened</th><th scope="col">Grant</th></tr></thead>
<tbody>${entries.map(
    ({ index, entry }) => html`<tr>
<td><a href="${base}/log/${index}">${grouped(index)}</a></td>
<td data-label="Time" class="time">${moment(new Date(entry.time))}</td>
<td data-label="What happened"><span class="kind tone-${toneOf(entry)}">${entry.kind}</span> ${summary(entry)}</td>
<td data-label="Grant">${'grant' in entry ? html`<a class="id" href="${base}/grants/${entry.grant}">${entry.grant}</a>` : ''}</td>
</tr>`,
  )}</tbody></table>`
}

type Tone = 'good' | 'bad' | 'plain'

function toneOf(entry: Entry): Tone {
  switch (entry.kind) {
    case 'grant.decided':
      return entry.decision === 'allow' ? 'good' : entry.decision === 'deny' ? 'bad' : 'plain'
    case 'approval.given':
      return entry.verdict === 'approve' ? 'good' : 'bad'
    case 'credential.refused':
    case 'credential.failed':
    case 'credential.wrapping_alarm':
    case 'session.ended':
      return 'bad'
    default:
      return 'plain'
  }
}

/** An entry in one line; the entry's own page has all of it. A kind without words does not compile. */
function summary(entry: Entry): Html | string {
  switch (entry.kind) {
    case 'catalogue.loaded':
      return `${Object.keys(entry.scopes).length} scopes in force`
    case 'keys.loaded':
      return html`key of the log: <code>${seen(entry.log)}</code>`
    case 'openings.erased':
      return `${entry.erased} committed values can no longer be read`
    case 'grant.decided': {
      const { decision, scope, environment, caller, reasons } = entry
      const why = decision === 'allow' ? '' : html`: ${seen(reasons[0]?.code ?? '')}`
      return html`<strong>${decision}</strong>${alarm({ breakGlass: entry.break_glass === true })} ${seen(scope.name)} in ${seen(environment.name)} for ${caller.class} ${seen(caller.subject)}${why}`
    }
    case 'approval.given': {
      const settled = entry.settles === undefined ? '' : `: ${entry.settles}`
      return html`<strong>${entry.verdict}</strong> by ${seen(entry.by.subject)} for ${entry.group}, by ${entry.via}${settled}`
    }
    case 'approval.ended':
      return entry.outcome
    case 'credential.requested':
    case 'credential.wrapped':
      return `for ${entry.target}`
    case 'credential.minted':
      return html`for ${entry.target}, <code>${seen(entry.fingerprint)}</code>`
    case 'credential.refused':
      return html`for ${entry.target}: ${seen(entry.reasons[0]?.code ?? '')}`
    case 'credential.failed':
      return html`for ${entry.target}: ${seen(entry.code)}`
    case 'credential.revoked':
      return `for ${entry.target}: ${entry.outcome}`
    case 'credential.wrapping_alarm':
      return `for ${entry.target}: wrapping ${entry.finding}`
    case 'session.ended':
      return html`at ${entry.target}: ${seen(entry.breach)}`
    case 'grant.ended':
      return html`by ${entry.cause}${entry.by === undefined ? '' : html`, ${seen(entry.by.subject)}`}`
  }
}
