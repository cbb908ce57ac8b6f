import { html } from 'hono/html'
import { formatDuration } from '../../document/text.ts'
import type { CatalogScope } from '../../scope/catalog.ts'
import type { AllowRule } from '../../scope/scope.ts'
import type { ConsoleParts } from '../console.ts'
import type { View } from '../page.ts'
import { blastPicture, ringList } from '../picture/blast.ts'
import { basePath } from '../place.ts'
import { planOf } from '../radius.ts'
import { count, type Html, seen } from '../words.ts'
import { environmentChip } from './grants.ts'
import { planWords } from './plan.ts'

/** One scope: who may take it, and what it gives in each of its environments. */
export function scopeView(parts: ConsoleParts, found: CatalogScope): View {
  const { scope, digest } = found
  const { grants_per_day: daily, live_grants: live } = scope.limits
  return {
    title: scope.name,
    body: html`<p class="rest"><a href="${basePath(parts)}/scopes">Scopes</a></p>
<h1>${scope.name}</h1>
<p class="lead">${seen(scope.description)}</p>
<dl class="facts">
<dt>Owner</dt><dd>${seen(scope.owner)}</dd>
<dt>Life of a grant</dt><dd>${formatDuration(scope.ttl)}</dd>
${daily === undefined ? '' : html`<dt>At most</dt><dd>${count(daily, 'grant')} a day</dd>`}
${live === undefined ? '' : html`<dt>At once</dt><dd>${count(live, 'live grant')}</dd>`}
${scope.windows === undefined || scope.windows.length === 0 ? '' : html`<dt>Only in windows</dt><dd>${scope.windows.join(' or ')}</dd>`}
<dt>Who may take it</dt><dd>${scope.allow.map(ruleWords)}</dd>
${Object.entries(scope.parameters).map(
  ([name, { pattern, description }]) =>
    html`<dt>Parameter ${name}</dt><dd>${seen(description)} <code>${pattern}</code></dd>`,
)}
<dt>Digest</dt><dd><code class="digest">${digest}</code></dd>
</dl>
${scope.environments.map((name) => environmentSection(parts, found, name))}`,
  }
}

function ruleWords({ caller, issuer, claims }: AllowRule): Html {
  const given = Object.entries(claims).map(([name, value]) => `${name} = ${String(value)}`)
  return html`<p><span class="chip class-${caller}">${caller}</span> of ${issuer} with <code>${given.join(', ')}</code></p>`
}

function environmentSection(parts: ConsoleParts, found: CatalogScope, name: string): Html {
  const environment = parts.environments.get(name)
  const planned = environment === undefined ? undefined : planOf(found, environment)
  const heading = html`<h2 id="in-${name}">In ${environmentChip(parts, name)}</h2>`
  if (planned?.ok !== true) {
    const why = planned?.problems.map(({ message }) => message) ?? [
      'this broker has no such environment',
    ]
    return html`<section aria-labelledby="in-${name}">${heading}<p class="bad">No plan: ${seen(why.join('; '))}</p></section>`
  }
  const { plan } = planned
  return html`<section class="panel" aria-labelledby="in-${name}">${heading}
<div class="drawn-beside"><div>${blastPicture(plan.blastRadius, 'large')}${ringList(plan.blastRadius)}</div>
${planWords(plan)}</div></section>`
}
