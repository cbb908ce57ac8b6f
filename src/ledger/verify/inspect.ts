import { CredctlError } from '../../errors.ts'
import { completeRoot, leafHash } from '../merkle.ts'
import { type BundleId, bundlePath, decodeBundle } from '../tile.ts'
import type { Fact } from './history.ts'
import { readFact } from './parse.ts'

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
    }
  | {
      readonly ok: false
      readonly code: 'bundle_missing' | 'bundle_malformed'
      readonly message: string
    }

/** The heavy part of a verification: hashes every entry and reads it strictly. Pure. */
export function inspectBundle(id: BundleId, bundle: Uint8Array | undefined): Inspection {
  if (bundle === undefined) {
    return { ok: false, code: 'bundle_missing', message: `${bundlePath(id)} is missing` }
  }
  try {
    const entries = decodeBundle(bundle, id)
    const leaves = entries.map(leafHash)
    const facts = entries.map(readFact)
    return { ok: true, leaves: Buffer.concat(leaves), root: completeRoot(leaves), facts }
  } catch (error) {
    if (!(error instanceof CredctlError)) throw error
    return { ok: false, code: 'bundle_malformed', message: error.message }
  }
}
