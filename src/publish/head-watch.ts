import { Gauge, type Registry } from 'prom-client'
import type { LogReader } from '../ledger/reader.ts'
import { eventsFrom, headOf } from './export/read.ts'

/** What a broker shows of the log's newest end. */
export class HeadWatch {
  readonly #log: LogReader
  /** Not a number before the first look: a broker that starts has not seen an empty log. */
  #size = Number.NaN
  #newest: Date | undefined

  constructor(log: LogReader, registry: Registry, now: () => Date) {
    this.#log = log
    const watch = this
    new Gauge({
      name: 'credctl_ledger_entries',
      help: 'Entries of the log, as last seen.',
      registers: [registry],
      collect() {
        this.set(watch.#size)
      },
    })
    new Gauge({
      name: 'credctl_ledger_head_age_seconds',
      help: 'Age of the newest entry, as last seen: it also grows while the ledger cannot be read.',
      registers: [registry],
      collect() {
        const newest = watch.#newest?.getTime() ?? Number.NaN
        this.set(Math.max(0, (now().getTime() - newest) / 1000))
      },
    })
  }

  /** Looks at the log. Errors: those of the reader. */
  async round(): Promise<void> {
    const head = await headOf(this.#log)
    for await (const { entry } of eventsFrom(this.#log, Math.max(0, head.size - 1), head)) {
      this.#newest = new Date(entry.time)
    }
    this.#size = head.size
  }
}
