import { html } from 'hono/html'
import type { BlastRadius } from '../../plan/blast-radius.ts'
import type { Html } from '../words.ts'
import { REACHES, type Ring, reachOf } from './reach.ts'
import { radiusSentence, ringWords } from './sentence.ts'

/**
 * A blast radius as a target. The filled disc reaches as far out as the worst that can be done:
 * larger and hotter is worse. Each table is a dot on the left, each AWS action one on the right, on
 * the ring of what can happen. A dashed rim on the right: resources named by a pattern. A second
 * line around everything: production.
 */
export function blastPicture(radius: BlastRadius, size: Size): Html {
  const known = drawn[size].get(radius) ?? draw(radius, size)
  drawn[size].set(radius, known)
  return known
}

type Size = 'small' | 'large'

/** Every row of a scope shows the same picture. */
const drawn: Readonly<Record<Size, WeakMap<BlastRadius, Html>>> = {
  small: new WeakMap(),
  large: new WeakMap(),
}

function draw(radius: BlastRadius, size: Size): Html {
  const reach = reachOf(radius)
  const worst = REACHES.indexOf(reach.worst)
  return html`<svg class="blast ${size} worst-${reach.worst}" viewBox="-64 -64 128 128" role="img" aria-label="${radiusSentence(radius)}">
${REACHES.map((_, index) => html`<circle class="ring" r="${outer(index)}"/>`)}
<circle class="disc" r="${outer(worst)}"/>
${reach.open ? html`<path class="open" d="${halfCircle(outer(worst))}"/>` : ''}
${reach.prod ? html`<circle class="prod" r="62"/>` : ''}
${reach.rings.map((ring, index) => dots(ring, middle(index), index))}
<circle class="core" r="2.5"/>
</svg>`
}

/** The rings fill the picture from the middle out. */
function outer(index: number): number {
  return 14 * (index + 1)
}

function middle(index: number): number {
  return outer(index) - 6
}

function dots({ tables, actions }: Ring, radius: number, index: number): Html[] {
  return [...onArc(tables, radius, 'left', index), ...onArc(actions, radius, 'right', index)]
}

/** As many dots as find room; a bar says that there are more than can be counted at a glance. */
function onArc(count: number, radius: number, side: 'left' | 'right', index: number): Html[] {
  if (count === 0) return []
  const room = 3 + 3 * index
  if (count > room) return [html`<path class="many" d="${arc(radius, side)}"/>`]
  return Array.from({ length: count }, (_, at) => {
    const turn = ((at + 1) / (count + 1)) * Math.PI - Math.PI / 2
    const x = Math.cos(turn) * radius * (side === 'left' ? -1 : 1)
    return html`<circle class="dot" cx="${x.toFixed(1)}" cy="${(Math.sin(turn) * radius).toFixed(1)}" r="2.6"/>`
  })
}

function arc(radius: number, side: 'left' | 'right'): string {
  const x = (radius * Math.cos(1.2)).toFixed(1)
  const y = (radius * Math.sin(1.2)).toFixed(1)
  const sign = side === 'left' ? '-' : ''
  return `M ${sign}${x} -${y} A ${radius} ${radius} 0 0 ${side === 'left' ? 0 : 1} ${sign}${x} ${y}`
}

function halfCircle(radius: number): string {
  return `M 0 -${radius} A ${radius} ${radius} 0 0 1 0 ${radius}`
}

/** The rings in words: beside a large picture, where a small one has its label alone. */
export function ringList(radius: BlastRadius): Html {
  return html`<ul class="rings">${reachOf(radius).rings.map((ring) => ringItem(ring))}</ul>`
}

function ringItem(ring: Ring): Html | string {
  const words = ringWords(ring)
  return words === '' ? '' : html`<li class="worst-${ring.name}"><span>${words}</span></li>`
}
