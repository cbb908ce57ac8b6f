import { html } from 'hono/html'
import type { CredentialState, GrantState } from '../../ledger/ledger.ts'
import type { FoundEntry } from '../../ledger/search.ts'
import type { ConsoleParts, Person } from '../console.ts'
import type { View } from '../page.ts'
import { basePath } from '../place.ts'
import { countdown, type Html, moment, quoted, seen } from '../words.ts'
import { entryTable } from './entries.ts'
import {
  alarm,
  callerWords,
  environmentChip,
  grantPicture,
  isLive,
  mayEnd,
  revokeForm,
} from './grants.ts'

export interface GrantPage {
  readonly grant: GrantState
  readonly credentials: readonly CredentialState[]
  readonly entries: readonly FoundEntry[]
}

/** One grant: what it may do, what it got, and everything the log says of it. */
export function grantView(parts: ConsoleParts, person: Person, page: GrantPage): View {
  const { grant, credentials, entries } = page
  const base = basePath(parts)
  const now = parts.clock.now()
  const live = isLive(grant, now)
  const title = `${grant.scope} in ${grant.environment}`
  return {
    title,
    live: true,
    body: html`<div class="head"><div>
<p class="rest">Grant ${grant.id}</p>
<h1>${grant.scope} ${environmentChip(parts, grant.environment)}${alarm(grant)}</h1>
<p class="state">${stateWords(grant, now)}</p>
</div>${live && mayEnd(person.principal, grant, now) ? revokeForm(base, person, grant) : ''}</div>
<div class="two">
<section aria-labelledby="what"><h2 id="what">What it is for</h2>
${quoted(grant.intent)}
<dl class="facts">
<dt>Caller</dt><dd>${callerWords(grant.caller)}</dd>
${Object.entries(grant.parameters).map(([name, value]) => html`<dt>${name}</dt><dd><code>${seen(value)}</code></dd>`)}
<dt>Given</dt><dd>${moment(grant.issuedAt)}</dd>
<dt>Ends</dt><dd>${moment(grant.expiresAt)}</dd>
<dt>Plan</dt><dd><code class="digest">${grant.plan}</code></dd>
<dt>Scope</dt><dd><a href="${base}/scopes/${grant.scope}">${grant.scope}</a> <code class="digest">${grant.scopeDigest}</code></dd>
</dl></section>
<section aria-labelledby="reach"><h2 id="reach">What it can reach</h2>
<div class="drawn">${grantPicture(parts, grant, 'large')}</div></section>
</div>
<section aria-labelledby="credentials"><h2 id="credentials">Credentials</h2>${credentialTable(credentials)}</section>
<section aria-labelledby="entries"><h2 id="entries">In the log</h2>${entryTable(parts, entries, 'Entries of this grant')}</section>`,
  }
}

function stateWords(grant: GrantState, now: Date): Html {
  if (grant.ended !== undefined) {
    const by = {
      caller: 'by its caller',
      operator: 'by an operator',
      expired: 'at its time',
      closed: 'as its window closed',
    }
    const how = Object.hasOwn(by, grant.ended.cause)
      ? by[grant.ended.cause as keyof typeof by]
      : grant.ended.cause
    return html`<span class="dot ended"></span>Ended ${how}, ${moment(grant.ended.at)}`
  }
  if (grant.expiresAt <= now) return html`<span class="dot ended"></span>Expired`
  return html`<span class="dot live"></span>Live for ${countdown(grant.expiresAt, now)}`
}

const STATUS_WORDS = {
  requested: 'being made',
  minted: 'usable until its time',
  failed: 'was not made',
  revoked: 'taken back',
} as const satisfies Record<CredentialState['status'], string>

function credentialTable(credentials: readonly CredentialState[]): Html {
  if (credentials.length === 0) return html`<p class="none">None was fetched.</p>`
  return html`<table class="cards">
<thead><tr><th scope="col">Target</th><th scope="col">State</th><th scope="col">Known there as</th><th scope="col">Asked for</th></tr></thead>
<tbody>${credentials.map(
    ({ target, status, handle, requestedAt }) => html`<tr>
<td><strong>${target}</strong></td>
<td data-label="State"><span class="chip status-${status}">${status}</span> <span class="rest">${STATUS_WORDS[status]}</span></td>
<td data-label="Known there as"><code>${knownAs(handle)}</code></td>
<td data-label="Asked for">${moment(requestedAt)}</td></tr>`,
  )}</tbody></table>`
}

function knownAs(handle: CredentialState['handle']): string {
  if (handle.kind === 'postgres') return handle.login
  return handle.kind === 'aws' ? handle.session : handle.role
}
