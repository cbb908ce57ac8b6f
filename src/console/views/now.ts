import { html } from 'hono/html'
import { seesEverything } from '../../access.ts'
import type { GrantState } from '../../ledger/ledger.ts'
import type { ConsoleParts, Person } from '../console.ts'
import type { View } from '../page.ts'
import { basePath } from '../place.ts'
import type { Html } from '../words.ts'
import { grantTable } from './grants.ts'

/** Rows shown before "all of them". */
export const NOW_ROWS = 25

/** The first page: what waits for somebody, and what is live. */
export function nowView(parts: ConsoleParts, person: Person, live: readonly GrantState[]): View {
  const all = seesEverything('listGrants', person.principal)
  return {
    title: 'Now',
    live: true,
    body: html`<h1 class="unseen-by-eye">Now</h1>
<section aria-labelledby="live"><div class="head"><h2 id="live">Live grants <span class="number">${numberWords(live)}</span></h2></div>
${live.length === 0 ? nothing(all) : grantTable(parts, person, live.slice(0, NOW_ROWS), 'Live grants, newest first')}
${live.length > NOW_ROWS ? html`<p><a class="button" href="${basePath(parts)}/grants?live=true">All live grants</a></p>` : ''}</section>`,
  }
}

/** One more row is read than is shown: whether there are more is known, how many is not. */
function numberWords(live: readonly GrantState[]): string {
  return live.length > NOW_ROWS ? `${NOW_ROWS}+` : String(live.length)
}

function nothing(all: boolean): Html {
  return html`<p class="none">${all ? 'Nobody holds a live grant.' : 'You hold no live grant. Those of others are for operators and auditors.'}</p>`
}
