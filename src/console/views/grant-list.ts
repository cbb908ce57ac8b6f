import { html } from 'hono/html'
import { seesEverything } from '../../access.ts'
import type { GrantState } from '../../ledger/ledger.ts'
import type { ConsoleParts, Person } from '../console.ts'
import type { GrantQuery } from '../grant-query.ts'
import type { View } from '../page.ts'
import { basePath } from '../place.ts'
import { grantTable } from './grants.ts'

/** Grants by filters, newest first. */
export function grantListView(
  parts: ConsoleParts,
  person: Person,
  {
    query,
    grants,
    next,
  }: { query: GrantQuery; grants: readonly GrantState[]; next: string | undefined },
): View {
  const base = basePath(parts)
  const all = seesEverything('listGrants', person.principal)
  const older = new URLSearchParams({ ...query, before: next ?? '' })
  return {
    title: 'Grants',
    ...(query.before === undefined ? { live: true } : {}),
    body: html`<h1>Grants</h1>
${all ? '' : html`<p class="lead">Your own; those of others are for operators and auditors.</p>`}
<form class="filter" method="get" action="${base}/grants" role="search" aria-label="Grants">
<label>State<select name="live"><option value="">any</option><option value="true"${query.live === 'true' ? html` selected` : ''}>live</option></select></label>
<label>Scope<input name="scope" value="${query.scope ?? ''}" autocomplete="off" spellcheck="false"></label>
<label>Environment<input name="environment" value="${query.environment ?? ''}" autocomplete="off" spellcheck="false"></label>
<div class="buttons"><button>Show</button><a class="button quiet" href="${base}/grants">Clear</a></div>
</form>
${grants.length === 0 ? html`<p class="none">No grant fits.</p>` : grantTable(parts, person, grants, 'Grants, newest first')}
${next === undefined ? '' : html`<nav class="pager" aria-label="Pages of grants"><a class="button" rel="next" href="${base}/grants?${older.toString()}">Older grants</a></nav>`}`,
  }
}
