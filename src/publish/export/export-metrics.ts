import { Counter, Gauge, type Registry } from 'prom-client'
import type { Exporter } from './exporter.ts'

/** Labels are names of the configuration and closed sets. */
export function createExportMetrics(registry: Registry) {
  return {
    failures: new Counter({
      name: 'credctl_export_failures_total',
      help: 'Batches that a receiver did not take; each is sent again.',
      labelNames: ['export', 'why'],
      registers: [registry],
    }),
  }
}

/** How far receivers are behind the log, asked for when somebody scrapes. */
export function watchExports(
  registry: Registry,
  exporters: readonly Pick<Exporter, 'name' | 'lag'>[],
  now: () => Date,
): void {
  const registers = [registry]
  new Gauge({
    name: 'credctl_export_lag_entries',
    help: 'Entries that the receiver does not have yet.',
    labelNames: ['export'],
    registers,
    collect() {
      for (const { name, lag } of exporters) this.set({ export: name }, lag.entries)
    },
  })
  new Gauge({
    name: 'credctl_export_lag_seconds',
    help: 'Age of the oldest entry that the receiver does not have; 0 when it has all.',
    labelNames: ['export'],
    registers,
    collect() {
      for (const { name, lag } of exporters) {
        const age = lag.since === undefined ? 0 : now().getTime() - lag.since.getTime()
        this.set({ export: name }, Math.max(0, age / 1000))
      }
    },
  })
}
