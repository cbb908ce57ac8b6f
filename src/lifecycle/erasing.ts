import type { EntryCaller } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Openings } from '../ledger/openings.ts'
import { type Occasion, openingsErased } from '../ledger/record.ts'

export interface ErasingParts {
  readonly ledger: Pick<Ledger, 'append'>
  readonly openings: Openings
}

/** Erases what was kept before a time, of grants that are over, and puts that on the record. */
export async function eraseBefore(
  { ledger, openings }: ErasingParts,
  occasion: Occasion,
  before: Date,
): Promise<number> {
  const erased = await openings.eraseBefore(before)
  if (erased > 0) await ledger.append(openingsErased(occasion, { of: 'all', before, erased }))
  return erased
}

/** Erases all of one grant or refusal, on somebody's word. Undefined while the grant is live. */
export async function eraseOf(
  { ledger, openings }: ErasingParts,
  occasion: Occasion,
  grant: string,
  by: EntryCaller,
): Promise<number | undefined> {
  const erased = await openings.eraseOf(grant)
  if (erased === undefined || erased === 0) return erased
  const what = { of: grant, before: occasion.now, erased, by }
  await ledger.append(openingsErased(occasion, what))
  return erased
}
