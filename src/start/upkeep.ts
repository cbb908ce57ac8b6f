import type { Broker } from '../broker.ts'
import { ulid } from '../clock.ts'
import type { Parts } from '../lifecycle/revocation.ts'
import { Sweep } from '../lifecycle/sweep.ts'
import { every } from '../lifecycle/timer.ts'
import type { UpkeepParts } from '../lifecycle/upkeep.ts'
import { collectGroupRoles, patrolTargets, reconcileTargets } from '../lifecycle/upkeep.ts'
import type { Metrics } from '../metrics.ts'
import type { Here } from './surroundings.ts'
import { failed } from './surroundings.ts'

/** What runs beside requests: ending what is over, watching sessions, comparing with targets. */
export function startUpkeep(
  parts: Parts & Pick<UpkeepParts, 'catalog' | 'environments' | 'random'>,
  broker: Broker,
  metrics: Metrics,
  { logger, sweepEveryMs, orphanAfterMs, reconcileEveryMs }: Here,
): () => Promise<void> {
  const report = (event: object, text: string) => logger.warn(event, text)
  const sweep = new Sweep({
    ...parts,
    orphanAfterMs,
    onPending: ({ id, handle }, code, tries) => {
      metrics.revocationRetries.inc({ kind: handle.kind, code })
      report({ credential: id, code, tries }, 'a revocation is not finished')
    },
    onBacklog: ({ credentials, oldestSeconds }) => {
      metrics.unfinished.set(credentials)
      metrics.oldestUnfinished.set(oldestSeconds)
    },
  })
  const upkeep: UpkeepParts = {
    ...parts,
    onReconciled: (place, { dropped, unknown, missing, failed }) => {
      const counts = { dropped, unknown, missing, failed }
      for (const [outcome, found] of Object.entries(counts)) {
        metrics.reconciled.inc({ outcome }, found.length)
      }
      if (Object.values(counts).every((found) => found.length === 0)) return
      report({ ...place, dropped, unknown, missing, failed }, 'target and ledger differed')
    },
    onCollected: (place, dropped) => report({ ...place, dropped }, 'unused group roles dropped'),
    onUnreachable: (place, err) => report({ ...place, err }, 'a target could not be looked at'),
  }
  const onFailure = failed(logger)
  const timers = [
    every(sweepEveryMs, async () => void (await sweep.round()), onFailure),
    every(sweepEveryMs, () => endOverdue(parts, broker), onFailure),
    every(sweepEveryMs, () => patrolTargets(upkeep), onFailure),
    every(reconcileEveryMs, () => reconcileTargets(upkeep), onFailure),
    every(60 * reconcileEveryMs, () => collectGroupRoles(upkeep), onFailure),
    every(sweepEveryMs, async () => broker.prune(), onFailure),
  ]
  return async () => {
    await Promise.all(timers.map((timer) => timer.stop()))
  }
}

/** Requests that nobody approved in time, put on the record by one replica. */
async function endOverdue({ ledger, clock, random }: Overdue, broker: Broker): Promise<void> {
  await ledger.exclusively('approvals', () => broker.approvals.expire(ulid(clock, random)))
}

type Overdue = Parts & Pick<UpkeepParts, 'random'>
