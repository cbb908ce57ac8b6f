import { html } from 'hono/html'
import { formatDuration } from '../../document/text.ts'
import type { BlastRadius } from '../../plan/blast-radius.ts'
import type { CatalogScope } from '../../scope/catalog.ts'
import type { ConsoleParts } from '../console.ts'
import type { View } from '../page.ts'
import { blastPicture, ringList } from '../picture/blast.ts'
import { REACHES, reachOf } from '../picture/reach.ts'
import { basePath } from '../place.ts'
import { radiusOf } from '../radius.ts'
import { count, type Html, seen } from '../words.ts'
import { environmentChip } from './grants.ts'

/** The scopes in force, the most dangerous first: pictures before words. */
export function scopesView(parts: ConsoleParts, scopes: readonly CatalogScope[]): View {
  const cards = scopes
    .map((found) => ({ found, radius: worstRadius(parts, found) }))
    .sort((a, b) => danger(b.radius) - danger(a.radius))
  return {
    title: 'Scopes',
    body: html`<h1>Scopes</h1>
<p class="lead">${count(scopes.length, 'task scope')} in force. The further a disc reaches, the more its scope can do: ${key()}.</p>
${scopes.length === 0 ? html`<p class="none">No scope names you.</p>` : html`<ul class="scopes">${cards.map((card) => scopeCard(parts, card.found, card.radius))}</ul>`}
<p class="rest">Catalogue <code class="digest">${parts.catalog().digest}</code></p>`,
  }
}

function key(): Html {
  return html`${REACHES.map(
    (name, index) =>
      html`<span class="key worst-${name}">${name}</span>${index < REACHES.length - 1 ? ', ' : ''}`,
  )}; a second line around it is production`
}

function scopeCard(
  parts: ConsoleParts,
  { scope }: CatalogScope,
  radius: BlastRadius | undefined,
): Html {
  return html`<li class="scope">
<div class="drawn">${radius === undefined ? html`<p class="bad">no plan</p>` : blastPicture(radius, 'large')}</div>
<div><h2><a href="${basePath(parts)}/scopes/${scope.name}">${scope.name}</a></h2>
<p>${seen(scope.description)}</p>
${radius === undefined ? '' : ringList(radius)}
<p class="chips">${scope.environments.map((name) => environmentChip(parts, name))}<span class="chip">${formatDuration(scope.ttl)}</span></p>
<p class="rest">${seen(scope.owner)}</p></div>
</li>`
}

/** Of all environments of a scope, the one where it reaches furthest. */
function worstRadius(parts: ConsoleParts, found: CatalogScope): BlastRadius | undefined {
  const radii = found.scope.environments.flatMap(
    (name) => radiusOf(found, parts.environments.get(name)) ?? [],
  )
  return radii.sort((a, b) => danger(b) - danger(a))[0]
}

/** For sorting alone: production before everything, then the outermost ring, then how much. */
function danger(radius: BlastRadius | undefined): number {
  if (radius === undefined) return -1
  const { worst, rings, prod, open } = reachOf(radius)
  const things = rings.reduce((sum, { tables, actions }) => sum + tables + actions, 0)
  return (prod ? 1e6 : 0) + REACHES.indexOf(worst) * 1e4 + (open ? 1e3 : 0) + Math.min(things, 999)
}
