import { html } from 'hono/html'
import { seesEverything } from '../../access.ts'
import type { ApprovalState } from '../../ledger/ledger.ts'
import type { ApprovalListQuery } from '../approval-query.ts'
import type { ConsoleParts, Person } from '../console.ts'
import type { View } from '../page.ts'
import { basePath } from '../place.ts'
import { approvalTable } from './approvals.ts'

export interface ApprovalListPage {
  readonly query: ApprovalListQuery
  readonly approvals: readonly ApprovalState[]
  readonly next: string | undefined
}

const STATUSES = { pending: 'waiting', approved: 'approved, not yet used', all: 'any' } as const

/** Requests for approval by filters, newest first. */
export function approvalListView(
  parts: ConsoleParts,
  person: Person,
  { query, approvals, next }: ApprovalListPage,
): View {
  const base = basePath(parts)
  const { status = 'pending', mine } = query
  const older = new URLSearchParams({ ...query, before: next ?? '' })
  return {
    title: 'Approvals',
    ...(query.before === undefined ? { live: true } : {}),
    body: html`<h1>Approvals</h1>
${seesEverything('listApprovals', person.principal) ? '' : html`<p class="lead">Your own requests; those of others are for people with a role.</p>`}
<form class="filter" method="get" action="${base}/approvals" role="search" aria-label="Requests for approval">
<label>State<select name="status">${Object.entries(STATUSES).map(
      ([value, words]) =>
        html`<option value="${value}"${value === status ? html` selected` : ''}>${words}</option>`,
    )}</select></label>
<label>For whom<select name="mine"><option value="">anybody</option><option value="true"${mine === 'true' ? html` selected` : ''}>for me to decide</option></select></label>
<label>Scope<input name="scope" value="${query.scope ?? ''}" autocomplete="off" spellcheck="false"></label>
<label>Environment<input name="environment" value="${query.environment ?? ''}" autocomplete="off" spellcheck="false"></label>
<div class="buttons"><button>Show</button><a class="button quiet" href="${base}/approvals">Clear</a></div>
</form>
${approvals.length === 0 ? html`<p class="none">No request fits.</p>` : approvalTable(parts, approvals, 'Requests, newest first')}
${next === undefined ? '' : html`<nav class="pager" aria-label="Pages of requests"><a class="button" rel="next" href="${base}/approvals?${older.toString()}">Older requests</a></nav>`}`,
  }
}
