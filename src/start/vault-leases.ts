import { irrevocableWatch } from '../lifecycle/irrevocable.ts'
import { every } from '../lifecycle/timer.ts'
import type { Metrics } from '../metrics.ts'
import { countIrrevocableLeases } from '../vault/lease.ts'
import type { Vault } from '../vault/vault.ts'
import type { Here } from './surroundings.ts'

/** Where there is a Vault: whether it has leases that it cannot end. */
export function startLeaseWatch(
  vault: Vault | undefined,
  { irrevocableLeases }: Metrics,
  { logger, reconcileEveryMs }: Here,
): () => Promise<void> {
  if (vault === undefined) return async () => undefined
  const look = irrevocableWatch({
    count: () => countIrrevocableLeases(vault),
    onCount: (count) => irrevocableLeases.set(count),
    onFound: (count) => logger.error({ count }, 'Vault has leases that it cannot end'),
    onFailure: (err) => logger.warn({ err }, 'leases that Vault cannot end are not counted'),
  })
  const timer = every(reconcileEveryMs, look, (err) => logger.error({ err }, 'upkeep failed'))
  return () => timer.stop()
}
