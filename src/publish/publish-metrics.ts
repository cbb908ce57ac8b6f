import { Counter, Gauge, type Registry } from 'prom-client'
import type { Publisher } from './publish.ts'

/** What failed, by the names of the configuration and closed sets of reasons. */
export function createPublishMetrics(registry: Registry) {
  const registers = [registry]
  return {
    witnessFailures: new Counter({
      name: 'credctl_witness_failures_total',
      help: 'Requests for a cosignature that gave none. Alert on why="remembers_otherwise".',
      labelNames: ['witness', 'why'],
      registers,
    }),
    anchorFailures: new Counter({
      name: 'credctl_anchor_failures_total',
      help: 'Checkpoints that an anchor did not take.',
      labelNames: ['anchor'],
      registers,
    }),
  }
}

/** How far witnesses and anchors are behind, asked for when somebody scrapes. */
export function watchPublisher(registry: Registry, publisher: Publisher, now: () => Date): void {
  const started = now()
  const age = (since: Date | undefined) =>
    Math.max(0, (now().getTime() - (since ?? started).getTime()) / 1000)
  const registers = [registry]
  const { witnessing, anchorings } = publisher
  if (witnessing !== undefined) {
    new Gauge({
      name: 'credctl_witness_lag_seconds',
      help: 'Age of its newest cosignature while entries wait for one; 0 when none waits.',
      labelNames: ['witness'],
      registers,
      collect() {
        const { headSize, seen } = witnessing.view
        for (const name of witnessing.names) {
          const last = seen.get(name)
          this.set({ witness: name }, last?.size === headSize ? 0 : age(last?.time))
        }
      },
    })
    new Gauge({
      name: 'credctl_checkpoint_quorum',
      help: '1 while the checkpoint that readers get has enough cosignatures.',
      registers,
      collect() {
        this.set(Number(witnessing.view.quorum))
      },
    })
  }
  if (anchorings.length > 0) {
    new Gauge({
      name: 'credctl_anchor_lag_seconds',
      help: 'Age of its newest checkpoint while entries wait for one; 0 when none waits.',
      labelNames: ['anchor'],
      registers,
      collect() {
        for (const { name, view } of anchorings) {
          this.set({ anchor: name }, view.behind === 0 ? 0 : age(view.at))
        }
      },
    })
  }
}
