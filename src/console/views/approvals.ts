import { html } from 'hono/html'
import type { ApprovalState } from '../../ledger/ledger.ts'
import type { ConsoleParts } from '../console.ts'
import { blastPicture } from '../picture/blast.ts'
import { basePath } from '../place.ts'
import { countdown, type Html, moment, seen } from '../words.ts'
import { alarm, callerWords, environmentChip } from './grants.ts'

/** Requests for approval as rows: what would be given, what for, to whom, whose word is missing. */
export function approvalTable(
  parts: ConsoleParts,
  approvals: readonly ApprovalState[],
  caption: string,
): Html {
  return html`<table class="cards grants">
<caption class="unseen-by-eye">${caption}</caption>
<thead><tr><th scope="col">Reach</th><th scope="col">Task</th><th scope="col">Environment</th><th scope="col">Asked by</th><th scope="col">Needs</th><th scope="col">Time</th><th scope="col"><span class="unseen-by-eye">Actions</span></th></tr></thead>
<tbody>${approvals.map((state) => approvalRow(parts, state))}</tbody>
</table>`
}

function approvalRow(parts: ConsoleParts, state: ApprovalState): Html {
  const page = `${basePath(parts)}/approvals/${state.id}`
  const act = state.status === 'pending' ? 'Decide' : 'Look'
  return html`<tr id="approval-${state.id}">
<td class="picture">${state.blastRadius === undefined ? '' : blastPicture(state.blastRadius, 'small')}</td>
<td class="task"><a href="${page}">${state.scope}</a>${alarm(state)}<p class="said-short">${seen(state.intent)}</p></td>
<td data-label="Environment">${environmentChip(parts, state.environment)}</td>
<td data-label="Asked by">${callerWords(state.caller)}</td>
<td data-label="Needs">${needsList(state)}</td>
<td data-label="Time" class="time">${approvalTime(state, parts.clock.now())}</td>
<td class="act"><a class="button${state.status === 'pending' ? '' : ' quiet'}" href="${page}">${act}<span class="unseen-by-eye"> ${state.status === 'pending' ? 'on' : 'at'} ${state.scope}, ${state.id}</span></a></td>
</tr>`
}

/** `1 of 2 approvers`, for each group that is asked. */
export function needsList({ asked, given }: ApprovalState): Html {
  return html`<ul>${asked.needs.map(({ group, count }) => {
    const agreed = given.filter((word) => word.verdict === 'approve' && word.group === group)
    return html`<li>${agreed.length} of ${count} <span class="rest">${group}</span></li>`
  })}</ul>`
}

export function approvalTime(state: ApprovalState, now: Date): Html {
  if (state.status === 'pending' || state.status === 'approved') {
    return html`${state.status === 'approved' ? 'approved, ' : ''}${countdown(state.expiresAt, now)}<span class="rest"> left</span>`
  }
  return html`${state.status}<span class="rest">, asked ${moment(state.askedAt)}</span>`
}
