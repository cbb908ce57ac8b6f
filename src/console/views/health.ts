import { html } from 'hono/html'
import type { KeySetState } from '../../identity/key-set.ts'
import type { ConsoleParts } from '../console.ts'
import type { HealthState } from '../health-state.ts'
import type { View } from '../page.ts'
import { count, type Html, moment, seen, span } from '../words.ts'
import { environmentChip } from './grants.ts'
import { logPanel } from './log.ts'

/** What an operator looks at first when something seems wrong. */
export function healthView(parts: ConsoleParts, state: HealthState): View {
  const { ledger, log, issuers, unfinished, oldestSeconds, retries, differing } = state
  return {
    title: 'Health',
    body: html`<h1>Health</h1>
<ul class="checks">
${check(ledger === undefined, 'Ledger', ledger === undefined ? 'grants can be recorded' : ledger)}
${check(unfinished === 0, 'Revocations', unfinished === 0 ? 'nothing is left to take back' : `${count(unfinished, 'credential')} of ended grants not known to be gone, the oldest for ${span(oldestSeconds)}`)}
${check(retries === 0, 'Retries', retries === 0 ? 'no revocation had to be tried again' : `${count(retries, 'revocation')} tried again since this replica started`)}
${check(differing === 0, 'Targets', differing === 0 ? 'logins are as the log has them' : `${count(differing, 'login')} differed from the log; what was found is in the broker’s own log`)}
</ul>
${log === undefined ? html`<p class="bad">The log cannot be read or verified; the broker’s own log says why.</p>` : logPanel(log)}
<section aria-labelledby="issuers"><h2 id="issuers">Issuers</h2>
<table class="cards"><thead><tr><th scope="col">Issuer</th><th scope="col">State</th><th scope="col">Keys</th><th scope="col">Last fetched</th><th scope="col">Clock</th></tr></thead>
<tbody>${Object.entries(issuers).map(([name, keys]) => issuerRow(name, keys))}</tbody></table></section>
<section aria-labelledby="targets"><h2 id="targets">Environments and targets</h2>
<ul class="targets">${[...parts.environments.values()].map(
      ({ name, targets }) =>
        html`<li>${environmentChip(parts, name)} ${Object.entries(targets).map(
          ([target, { kind }]) =>
            html`<span class="target">${target} <span class="rest">${kind}</span></span>`,
        )}</li>`,
    )}</ul></section>
<p class="rest">Seen by the replica that answered, at ${moment(parts.clock.now())}.</p>`,
  }
}

/** Sign and words, never colour alone. */
function check(fine: boolean, name: string, words: string): Html {
  return html`<li class="${fine ? 'fine' : 'wrong'}"><strong>${name}</strong> <span>${seen(words)}</span></li>`
}

function issuerRow(name: string, { keys, fetchedAt, failing, clockAhead }: KeySetState): Html {
  const state = failing
    ? html`<strong class="bad">its keys cannot be fetched</strong>`
    : fetchedAt === undefined
      ? html`<span class="rest">not asked yet</span>`
      : html`<span class="ok">in use</span>`
  return html`<tr><td><strong>${name}</strong></td><td data-label="State">${state}</td><td data-label="Keys">${keys}</td><td data-label="Last fetched">${fetchedAt === undefined ? '–' : moment(new Date(fetchedAt))}</td><td data-label="Clock">${clockWords(clockAhead)}</td></tr>`
}

function clockWords(ahead: number | undefined): string {
  if (ahead === undefined) return '–'
  const seconds = Math.round(Math.abs(ahead))
  if (seconds === 0) return 'as ours'
  return `${seconds} s ${ahead > 0 ? 'ahead' : 'behind'}`
}
