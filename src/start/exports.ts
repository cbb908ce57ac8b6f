import { ulid } from '../clock.ts'
import type { Config } from '../config.ts'
import type { OpenLedger } from '../ledger/open.ts'
import { every } from '../lifecycle/timer.ts'
import type { Metrics } from '../metrics.ts'
import { exportersOf } from '../publish/export/configured.ts'
import { createExportMetrics, watchExports } from '../publish/export/export-metrics.ts'
import { HeadWatch } from '../publish/head-watch.ts'
import { parsePrivateKey } from '../secret/private-key.ts'
import type { Secrets } from '../secrets.ts'
import type { Here } from './surroundings.ts'
import { failed } from './surroundings.ts'

/** Carries entries to receivers, and watches the head of the log. Nothing waits for either. */
export async function startExports(
  config: Config,
  parts: Pick<OpenLedger, 'ledger' | 'keys'> & Pick<Secrets, 'resolve'> & { metrics: Metrics },
  { clock, random, logger, sweepEveryMs }: Here,
): Promise<() => Promise<void>> {
  const { ledger, keys, resolve, metrics } = parts
  const stop = new AbortController()
  const counters = createExportMetrics(metrics.registry)
  const exporters = await exportersOf(config.exports, {
    log: ledger.log,
    cursors: ledger.exportCursors,
    clock,
    resolve,
    holder: ulid(clock, random),
    logKey: parsePrivateKey(keys.log, 'the key of the log'),
    stopped: stop.signal,
    onFailure: (name, why, err) => {
      if (stop.signal.aborted) return
      counters.failures.inc({ export: name, why })
      logger.warn({ export: name, why, err }, 'an export is behind')
    },
  })
  const now = () => clock.now()
  watchExports(metrics.registry, exporters, now)
  const head = new HeadWatch(ledger.log, metrics.registry, now)
  const timers = [
    ...exporters.map((each) => every(sweepEveryMs, () => each.round(), failed(logger))),
    every(10 * sweepEveryMs, () => head.round(), failed(logger)),
  ]
  return async () => {
    stop.abort()
    await Promise.all(timers.map((timer) => timer.stop()))
  }
}
