import { html } from 'hono/html'

/** A piece of a page. Whatever is put into one is escaped unless it is one itself. */
export type Html = ReturnType<typeof html>

/**
 * Characters that nobody sees for what they are: controls, format and direction marks, what is
 * ignored by default, private and lone ones. Line breaks and tabs are seen where lines are kept.
 */
const UNSEEN =
  /([[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\n\t]])/v

/** Text from outside: every character shows, and none changes the direction of what follows. */
export function seen(text: string): Html {
  if (!UNSEEN.test(text)) return html`<bdi>${text}</bdi>`
  const parts = text.split(UNSEEN)
  return html`<bdi>${parts.map((part, index) => (index % 2 === 1 ? mark(part) : part))}</bdi>`
}

function mark(character: string): Html {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return html`<span class="unseen" title="an invisible character">U+${code}</span>`
}

/** What somebody said of themselves or of their task: quoted, so that it is not taken for ours. */
export function quoted(text: string): Html {
  return html`<blockquote class="said"><p>${seen(text)}</p></blockquote>`
}

/** `1 table`, `2 tables`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`
}

const NUMBERS = new Intl.NumberFormat('en')

/** `1,234`. */
export function grouped(number: number): string {
  return NUMBERS.format(number)
}

/** A moment in UTC, to the second. */
export function moment(date: Date): Html {
  const iso = date.toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)}<span class="zone"> UTC</span></time>`
}

/** The time until a moment, which goes on counting where scripts run. */
export function countdown(until: Date, now: Date): Html {
  const iso = until.toISOString()
  const seconds = (until.getTime() - now.getTime()) / 1000
  return html`<time class="countdown" datetime="${iso}" data-until="${iso}" title="until ${iso.slice(11, 19)} UTC">${span(seconds)}</time>`
}

/** `1 h 05 min`, `4 min 07 s`, `9 s`; `over` for what is past. The page's script says the same. */
export function span(seconds: number): string {
  const left = Math.ceil(seconds)
  if (left <= 0) return 'over'
  const [hours, minutes] = [Math.floor(left / 3600), Math.floor(left / 60) % 60]
  const two = (number: number) => String(number).padStart(2, '0')
  if (hours > 0) return `${hours} h ${two(minutes)} min`
  return minutes > 0 ? `${minutes} min ${two(left % 60)} s` : `${left} s`
}

/** `a, b and c`. */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('')
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}
