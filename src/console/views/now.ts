import { html } from 'hono/html'
import { seesEverything } from '../../access.ts'
import type { ApprovalState, GrantState } from '../../ledger/ledger.ts'
import type { ConsoleParts, Person } from '../console.ts'
import type { View } from '../page.ts'
import { basePath } from '../place.ts'
import type { Html } from '../words.ts'
import { approvalTable } from './approvals.ts'
import { grantTable } from './grants.ts'

/** Rows shown before "all of them". */
export const NOW_ROWS = 25

/** The first page: what waits for somebody, and what is live. */
export function nowView(
  parts: ConsoleParts,
  person: Person,
  { waiting, live }: { waiting: readonly ApprovalState[]; live: readonly GrantState[] },
): View {
  const all = seesEverything('listGrants', person.principal)
  return {
    title: 'Now',
    live: true,
    body: html`<h1 class="unseen-by-eye">Now</h1>
${waitingSection(parts, waiting)}
<section aria-labelledby="live"><div class="head"><h2 id="live">Live grants <span class="number">${numberWords(live.length)}</span></h2></div>
${live.length === 0 ? nothing(all) : grantTable(parts, person, live.slice(0, NOW_ROWS), 'Live grants, newest first')}
${live.length > NOW_ROWS ? html`<p><a class="button" href="${basePath(parts)}/grants?live=true">All live grants</a></p>` : ''}</section>`,
  }
}

/** One more row is read than is shown: whether there are more is known, how many is not. */
function numberWords(read: number): string {
  return read > NOW_ROWS ? `${NOW_ROWS}+` : String(read)
}

function waitingSection(parts: ConsoleParts, waiting: readonly ApprovalState[]): Html {
  const more = html`<p><a class="button" href="${basePath(parts)}/approvals">All that wait</a></p>`
  return html`<section aria-labelledby="waiting"><h2 id="waiting">Waiting for approval <span class="number">${numberWords(waiting.length)}</span></h2>
${waiting.length === 0 ? html`<p class="none">Nothing waits for anybody.</p>` : approvalTable(parts, waiting.slice(0, NOW_ROWS), 'Requests that wait, newest first')}
${waiting.length > NOW_ROWS ? more : ''}</section>`
}

function nothing(all: boolean): Html {
  return html`<p class="none">${all ? 'Nobody holds a live grant.' : 'You hold no live grant. Those of others are for operators and auditors.'}</p>`
}
