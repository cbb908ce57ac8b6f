import type { PersonalKind } from '../../config/privacy.ts'
import { libraryFinds } from './library-rules.ts'
import { ownFinds, personalFinds } from './own-rules.ts'

/** A place in a text that must not be recorded, and what stands there. */
export interface Found {
  readonly start: number
  readonly end: number
  /** Lower-case words with hyphens: `aws-access-key`. */
  readonly type: string
}

export interface Redacted {
  /** The text with `[redacted:TYPE]` for every secret. */
  readonly text: string
  /** What was replaced, in order, each type once. */
  readonly types: readonly string[]
}

/** No rule matches anything shorter: most parameters and claims are. */
const SHORTEST = 12

/**
 * Replaces every secret in a text, and the kinds of personal data that are asked for. Pure, and
 * finds nothing in its own answer. What no rule knows stays: this is for accidents, not a proof.
 */
export function redactText(text: string, personal: readonly PersonalKind[] = []): Redacted {
  if (text.length < (personal.length === 0 ? SHORTEST : 1)) return { text, types: [] }
  const found = [...libraryFinds(text), ...ownFinds(text), ...personalFinds(text, personal)]
  if (found.length === 0) return { text, types: [] }
  const places = merged(found)
  let redacted = ''
  let from = 0
  for (const { start, end, type } of places) {
    redacted += `${text.slice(from, start)}[redacted:${type}]`
    from = end
  }
  const types = [...new Set(places.map(({ type }) => type))]
  return { text: redacted + text.slice(from), types }
}

/** Overlapping finds become one that covers them all, named after the first and longest. */
function merged(found: readonly Found[]): readonly Found[] {
  const places: Found[] = []
  for (const next of [...found].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = places.at(-1)
    if (last === undefined || next.start >= last.end) places.push(next)
    else if (next.end > last.end) places[places.length - 1] = { ...last, end: next.end }
  }
  return places
}
