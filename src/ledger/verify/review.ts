import type { Entry } from '../entry.ts'
import type { Finding } from './finding.ts'

/** Entries that say something about what was reviewed or decided. */
export type Reviewable = Extract<Entry, { readonly kind: 'catalogue.loaded' | 'grant.decided' }>

/**
 * Looks at decisions with more than the log at hand: the reviewed scopes, the configuration. What
 * it cannot look at it counts, and never takes for right.
 */
export interface Reviewer {
  review(index: number, entry: Reviewable): readonly Finding[]
}

export function isReviewable(kind: string): kind is Reviewable['kind'] {
  return kind === 'catalogue.loaded' || kind === 'grant.decided'
}
