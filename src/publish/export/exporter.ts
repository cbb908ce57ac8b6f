import type { Clock } from '../../clock.ts'
import type { LogReader } from '../../ledger/reader.ts'
import { Retry } from '../retry.ts'
import type { Cursor, Format, Send } from './export.ts'
import { SendError, type SendFailure } from './https.ts'
import { type Pumped, pump } from './pump.ts'
import { eventsFrom, headOf } from './read.ts'

/** Batches in one round: a long backlog must not keep a broker from stopping. */
const BATCHES = 64

export interface ExporterParts {
  readonly name: string
  readonly log: LogReader
  readonly format: Format
  readonly cursor: Cursor & { position(): Promise<number> }
  readonly send: Send
  readonly clock: Clock
  readonly onFailure: (name: string, why: SendFailure | 'internal', error: unknown) => void
}

/** How far a receiver is behind the log. */
export interface Lag {
  readonly entries: number
  /** Time of the oldest entry that it does not have. */
  readonly since: Date | undefined
}

/** Carries entries to one receiver, batch after batch, and goes on where it stopped. */
export class Exporter {
  readonly #parts: ExporterParts
  readonly #retry = new Retry()
  /** As it was found in the newest round. */
  lag: Lag = { entries: 0, since: undefined }

  constructor(parts: ExporterParts) {
    this.#parts = parts
  }

  get name(): string {
    return this.#parts.name
  }

  /** One round, up to a number of batches; pauses grow while the receiver fails. Never throws. */
  async round(): Promise<void> {
    const { clock, name, onFailure } = this.#parts
    try {
      if (this.#retry.isDue(clock.now())) await this.#drain()
    } catch (error) {
      this.#retry.failed(clock.now())
      onFailure(name, error instanceof SendError ? error.why : 'internal', error)
    }
    await this.#look().catch((error: unknown) => onFailure(name, 'internal', error))
  }

  async #drain(): Promise<void> {
    const { log } = this.#parts
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const pumped: Pumped | undefined = await pump(log, this.#parts)
      if (pumped === undefined || pumped.next >= pumped.size) break
    }
    this.#retry.succeeded()
  }

  async #look(): Promise<void> {
    const { log, cursor } = this.#parts
    const [next, head] = await Promise.all([cursor.position(), headOf(log)])
    const entries = Math.max(0, head.size - next)
    if (entries === 0) this.lag = { entries, since: undefined }
    for await (const { entry } of eventsFrom(log, next, head)) {
      this.lag = { entries, since: new Date(entry.time) }
      break
    }
  }
}
