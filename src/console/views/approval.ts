import { html } from 'hono/html'
import { owns, requireEverything } from '../../access.ts'
import { isCredctlError } from '../../errors.ts'
import type { LoginWish } from '../../identity/openid.ts'
import type { ApprovalGiven } from '../../ledger/entry.ts'
import type { ApprovalState } from '../../ledger/ledger.ts'
import type { Plan } from '../../plan/plan.ts'
import type { ConsoleParts, Person } from '../console.ts'
import { formToken, type View } from '../page.ts'
import { blastPicture, ringList } from '../picture/blast.ts'
import { basePath } from '../place.ts'
import { signInAgain } from '../sign-in/again.ts'
import { countdown, type Html, moment, quoted, seen } from '../words.ts'
import { needsList } from './approvals.ts'
import { alarm, callerWords, environmentChip } from './grants.ts'
import { planWords } from './plan.ts'

export interface ApprovalPage {
  readonly state: ApprovalState
  /** Undefined once the files say otherwise than when it was asked for. */
  readonly plan: Plan | undefined
  /** Why this person may not decide it; undefined when they may. */
  readonly hindrance: string | undefined
  /** The login that would be enough, when that is all that is missing. */
  readonly wish: LoginWish | undefined
}

/** One request: what would be given, in plain words, and the two buttons. */
export function approvalView(parts: ConsoleParts, person: Person, page: ApprovalPage): View {
  const { state, plan } = page
  const now = parts.clock.now()
  return {
    title: `Approval of ${state.scope} in ${state.environment}`,
    body: html`<p class="rest"><a href="${basePath(parts)}/approvals">Approvals</a></p>
<div class="head"><div><h1>${state.scope} ${environmentChip(parts, state.environment)}${alarm(state)}</h1>
<p class="state">${statusWords(state, now)}</p></div>
<p class="code-word"><span class="rest">Binding code</span> <strong>${state.asked.code}</strong></p></div>
<div class="two">
<div><section aria-labelledby="why"><h2 id="why">What it is for</h2>
${quoted(state.intent)}
<dl class="facts">
<dt>Asked by</dt><dd>${callerWords(state.caller)}</dd>
${Object.entries(state.parameters).map(([name, value]) => html`<dt>${name}</dt><dd><code>${seen(value)}</code></dd>`)}
<dt>Asked</dt><dd>${moment(state.askedAt)}</dd>
<dt>Why it waits</dt><dd>${state.asked.rules.join(', ')}</dd>
<dt>Needs</dt><dd>${needsList(state)}</dd>
<dt>Plan</dt><dd><code class="digest">${state.plan}</code></dd>
</dl></section>
<section aria-labelledby="plan"><h2 id="plan">What it would give</h2>
${plan === undefined ? html`<p class="bad">The scope, its environment or its rules have changed since: nothing can come of this request.</p>` : planWords(plan)}</section></div>
<div><section class="panel" aria-labelledby="reach"><h2 id="reach">Blast radius</h2>${radiusWords(state)}</section>
<section class="panel" aria-labelledby="decide"><h2 id="decide">Your decision</h2>${decision(parts, person, page)}</section>
${words(state.given)}</div>
</div>`,
  }
}

function radiusWords({ blastRadius }: ApprovalState): Html {
  if (blastRadius === undefined) return html`<p class="rest">not recorded</p>`
  return html`<div class="drawn">${blastPicture(blastRadius, 'large')}</div>${ringList(blastRadius)}`
}

function statusWords(state: ApprovalState, now: Date): Html {
  const { status, expiresAt } = state
  if (status === 'pending') {
    return html`<span class="dot waiting"></span>Waiting, for ${countdown(expiresAt, now)} more`
  }
  if (status === 'approved') {
    return html`<span class="dot live"></span>Approved; to be used within ${countdown(expiresAt, now)}`
  }
  return html`<span class="dot ended"></span>${status.charAt(0).toUpperCase()}${status.slice(1)}`
}

function decision(parts: ConsoleParts, person: Person, page: ApprovalPage): Html {
  const { state, hindrance, wish } = page
  const action = `${basePath(parts)}/approvals/${state.id}`
  if (state.status !== 'pending')
    return html`<p class="rest">Nothing is left to decide.</p>${takeBack(person, state, action)}`
  if (hindrance === undefined) {
    return html`<form class="decide" method="post" action="${action}/decide">${formToken(person.form)}
<input type="hidden" name="plan" value="${state.plan}">
<label>Reason${state.asked.reason_required ? ' (required)' : ''}<textarea name="reason" rows="3" maxlength="2000"${state.asked.reason_required ? html` required` : ''}></textarea></label>
<p class="rest">Compare the binding code with what the requester was told.</p>
<div class="buttons"><button class="good" name="verdict" value="approve">Approve</button><button class="danger" name="verdict" value="deny">Deny</button></div>
</form>${takeBack(person, state, action)}`
  }
  const again =
    wish === undefined
      ? ''
      : html`<p><a class="button" href="${signInAgain(parts, action, wish)}">Sign in again</a></p>`
  return html`<p>${hindrance.charAt(0).toUpperCase()}${hindrance.slice(1)}.</p>${again}${takeBack(person, state, action)}`
}

/** For whoever asked, and for operators. */
function takeBack(
  { principal, form }: Person,
  state: ApprovalState,
  action: string,
): Html | string {
  const open = state.status === 'pending' || state.status === 'approved'
  if (!open || !(owns(principal, state) || mayCancel(principal))) return ''
  return html`<form method="post" action="${action}/cancel">${formToken(form)}<button class="quiet">Take the request back</button></form>`
}

function mayCancel(principal: Person['principal']): boolean {
  try {
    requireEverything('cancelApproval', principal)
    return true
  } catch (error) {
    if (isCredctlError(error)) return false
    throw error
  }
}

function words(given: readonly ApprovalGiven[]): Html | string {
  if (given.length === 0) return ''
  return html`<section class="panel" aria-labelledby="said"><h2 id="said">What people said</h2>
<ul class="words">${given.map(
    ({ verdict, by, group, reason, time, via }) => html`<li>
<p><strong class="${verdict === 'approve' ? 'ok' : 'bad'}">${verdict === 'approve' ? 'approved' : 'denied'}</strong> by ${seen(by.subject)} <span class="rest">for ${group}, by ${via}, ${moment(new Date(time))}</span></p>
${reason === undefined ? '' : quoted(reason)}</li>`,
  )}</ul></section>`
}
