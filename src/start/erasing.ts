import { ulid } from '../clock.ts'
import type { Privacy } from '../config/privacy.ts'
import { type ErasingParts, eraseBefore } from '../lifecycle/erasing.ts'
import { every } from '../lifecycle/timer.ts'
import type { Here } from './surroundings.ts'
import { failed } from './surroundings.ts'

/** Erases values behind commitments when the time that the operator gave them is over. */
export function startErasing(
  { retention }: Privacy,
  parts: ErasingParts,
  { clock, random, logger, reconcileEveryMs }: Here,
): () => Promise<void> {
  if (retention === undefined) return async () => undefined
  const erase = async () => {
    const now = clock.now()
    const occasion = { request: ulid(clock, random), now }
    const erased = await eraseBefore(parts, occasion, new Date(now.getTime() - retention))
    if (erased > 0) logger.info({ erased }, 'values past their retention erased')
  }
  const timer = every(10 * reconcileEveryMs, erase, failed(logger))
  return () => timer.stop()
}
