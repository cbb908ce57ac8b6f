import { html } from 'hono/html'
import { owns, type Principal, requireReach } from '../../access.ts'
import { isCredctlError } from '../../errors.ts'
import type { Actor } from '../../identity/caller.ts'
import type { GrantState } from '../../ledger/ledger.ts'
import type { ConsoleParts, Person } from '../console.ts'
import { formToken } from '../page.ts'
import { blastPicture, ringList } from '../picture/blast.ts'
import { basePath } from '../place.ts'
import { radiusOf } from '../radius.ts'
import { countdown, type Html, moment, seen } from '../words.ts'

/** Grants as rows: what each can reach, what for, whose it is, how long it still lives. */
export function grantTable(
  parts: ConsoleParts,
  person: Person,
  grants: readonly GrantState[],
  caption: string,
): Html {
  return html`<table class="cards grants">
<caption class="unseen-by-eye">${caption}</caption>
<thead><tr><th scope="col">Reach</th><th scope="col">Task</th><th scope="col">Environment</th><th scope="col">Caller</th><th scope="col">Time</th><th scope="col"><span class="unseen-by-eye">Actions</span></th></tr></thead>
<tbody>${grants.map((grant) => grantRow(parts, person, grant))}</tbody>
</table>`
}

function grantRow(parts: ConsoleParts, person: Person, grant: GrantState): Html {
  const base = basePath(parts)
  const now = parts.clock.now()
  return html`<tr id="grant-${grant.id}">
<td class="picture">${grantPicture(parts, grant, 'small')}</td>
<td class="task"><a href="${base}/grants/${grant.id}">${grant.scope}</a>${alarm(grant)}<p class="said-short">${seen(grant.intent)}</p></td>
<td data-label="Environment">${environmentChip(parts, grant.environment)}</td>
<td data-label="Caller">${callerWords(grant.caller)}</td>
<td data-label="Time" class="time">${lifeWords(grant, now)}</td>
<td class="act">${isLive(grant, now) && mayEnd(person.principal, grant, now) ? revokeForm(base, person, grant) : ''}</td>
</tr>`
}

/** What the grant's scope reaches, as long as the scope is the one it was given by. */
export function grantPicture(
  { catalog, environments }: ConsoleParts,
  grant: GrantState,
  size: 'small' | 'large',
): Html | string {
  const found = catalog().scopes.get(grant.scope)
  const unchanged = found?.digest === grant.scopeDigest ? found : undefined
  const radius = radiusOf(unchanged, environments.get(grant.environment))
  if (radius !== undefined) {
    const words = size === 'large' ? ringList(radius) : ''
    return html`${blastPicture(radius, size)}${words}`
  }
  return html`<span class="rest" title="The scope has changed since: its credentials end with the next fetch">changed</span>`
}

export function environmentChip({ environments }: ConsoleParts, name: string): Html {
  const prod = environments.get(name)?.class === 'prod'
  return html`<span class="chip${prod ? ' prod' : ''}">${seen(name)}${prod && name !== 'prod' ? ' (prod)' : ''}</span>`
}

/** Loud wherever it stands: somebody claimed an emergency. */
export function alarm({ breakGlass }: { readonly breakGlass: boolean }): Html | string {
  return breakGlass ? html` <strong class="alarm">break-glass</strong>` : ''
}

/** Whose it is, and through whom they act: the newest of them first. */
export function callerWords(caller: GrantState['caller']): Html {
  const { class: callerClass, subject, issuer, actor } = caller
  const through = chainOf(actor).map(
    (each) => html` <span class="rest">through</span> ${seen(each)}`,
  )
  return html`<span class="chip class-${callerClass}">${callerClass}</span> <span class="subject">${seen(subject)}</span> <span class="rest">of ${seen(issuer)}</span>${through}`
}

function chainOf(actor: Actor | undefined): string[] {
  return actor === undefined ? [] : [actor.sub, ...chainOf(actor.act)]
}

function lifeWords(grant: GrantState, now: Date): Html {
  if (grant.ended !== undefined) {
    return html`ended ${moment(grant.ended.at)}<span class="rest"> (${grant.ended.cause})</span>`
  }
  if (grant.expiresAt <= now) return html`expired ${moment(grant.expiresAt)}`
  return html`${countdown(grant.expiresAt, now)}<span class="rest"> left</span>`
}

export function isLive({ ended, expiresAt }: GrantState, now: Date): boolean {
  return ended === undefined && expiresAt > now
}

/** May this person end it, as far as a button goes? A missing step-up does not hide it. */
export function mayEnd(principal: Principal, grant: GrantState, now: Date): boolean {
  if (owns(principal, grant)) return true
  try {
    requireReach('endGrant', principal, grant, now)
    return true
  } catch (error) {
    return isCredctlError(error, 'authentication_insufficient')
  }
}

export function revokeForm(base: string, { form }: Person, { id, scope }: GrantState): Html {
  return html`<form method="post" action="${base}/grants/${id}/revoke">${formToken(form)}<button class="danger">Revoke<span class="unseen-by-eye"> the grant of ${scope}, ${id}</span></button></form>`
}
