import { CredctlError } from '../../errors.ts'
import { completeRoot, leafHash } from '../merkle.ts'
import { type BundleId, bundlePath, decodeBundle } from '../tile.ts'
import type { Fact } from './fact.ts'
import { readFact } from './parse.ts'
import { isReviewable, type Reviewable } from './review.ts'

/** A bundle by itself: everything about it that needs no other. Can be sent between threads. */
export type Inspection =
  | {
      readonly ok: true
      /** Hashes of its leaves, one after the other. */
      readonly leaves: Uint8Array
      /** The hash over them; of use when they fill a tile. */
      readonly root: Uint8Array
      /** Of each entry what the history needs, or what is wrong with it. */
      readonly facts: readonly (Fact | string)[]
      /** Whole entries that a reviewer wants, by their place in the bundle; none without one. */
      readonly reviewable: readonly (readonly [at: number, entry: Reviewable])[]
    }
  | {
      readonly ok: false
      readonly code: 'bundle_missing' | 'bundle_malformed'
      readonly message: string
    }

/** The heavy part of a verification: hashes every entry and reads it strictly. Pure. */
export function inspectBundle(
  id: BundleId,
  bundle: Uint8Array | undefined,
  isReviewed = false,
): Inspection {
  if (bundle === undefined) {
    return { ok: false, code: 'bundle_missing', message: `${bundlePath(id)} is missing` }
  }
  try {
    const entries = decodeBundle(bundle, id)
    const leaves = entries.map(leafHash)
    const facts = entries.map(readFact)
    const reviewable = isReviewed ? reviewableOf(entries, facts) : []
    const root = completeRoot(leaves)
    return { ok: true, leaves: Buffer.concat(leaves), root, facts, reviewable }
  } catch (error) {
    if (!(error instanceof CredctlError)) throw error
    return { ok: false, code: 'bundle_malformed', message: error.message }
  }
}

/** A second reading of those few: a reviewer wants all of an entry, the history only facts. */
function reviewableOf(entries: readonly Uint8Array[], facts: readonly (Fact | string)[]) {
  return facts.flatMap((fact, at): (readonly [number, Reviewable])[] => {
    if (typeof fact === 'string' || !isReviewable(fact.kind)) return []
    // Its schema was just checked.
    const entry = JSON.parse(Buffer.from(entries[at] ?? []).toString('utf8')) as Reviewable
    return [[at, entry]]
  })
}
