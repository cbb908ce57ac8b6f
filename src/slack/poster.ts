import type { Approvals } from '../approval/approvals.ts'
import type { Clock } from '../clock.ts'
import type { Entry } from '../ledger/entry.ts'
import type { ExportCursors } from '../ledger/export-cursors.ts'
import type { LogReader } from '../ledger/reader.ts'
import { eventsFrom, headOf } from '../publish/export/read.ts'
import { Retry } from '../publish/retry.ts'
import type { SlackClient } from './client.ts'
import { outcomeText, requestMessage } from './message.ts'

/** No name of an export has a colon. */
const CURSOR = 'slack:requests'
/** Longer than posting one message takes at most. */
const LEASE_MS = 30_000

export interface PosterParts {
  readonly channel: string
  /** Public URL of the broker, for links. */
  readonly url: string
  readonly client: SlackClient
  readonly log: LogReader
  readonly cursors: ExportCursors
  readonly approvals: Approvals
  readonly clock: Clock
  /** Of this process alone. */
  readonly holder: string
  readonly onFailure: (error: unknown) => void
}

/**
 * Posts requests as they come into the log, and what becomes of them. At least once: a broker that
 * dies between posting and remembering posts one message twice. Nothing waits for it.
 */
export class SlackPoster {
  readonly #parts: PosterParts
  readonly #retry = new Retry()
  /** Messages of this process, to answer under. After a restart, outcomes stand by themselves. */
  readonly #messages = new Map<string, string>()

  constructor(parts: PosterParts) {
    this.#parts = parts
  }

  /** One round; pauses grow while Slack fails. Never throws. */
  async round(): Promise<void> {
    const { clock, onFailure } = this.#parts
    if (!this.#retry.isDue(clock.now())) return
    try {
      await this.#drain()
      this.#retry.succeeded()
    } catch (error) {
      this.#retry.failed(clock.now())
      onFailure(error)
    }
  }

  async #drain(): Promise<void> {
    const { log, cursors, holder } = this.#parts
    const first = await cursors.take(CURSOR, holder, LEASE_MS)
    if (first === undefined) return
    const head = await headOf(log)
    let saved = first
    for await (const { index, entry } of eventsFrom(log, first, head)) {
      if (!(await this.#post(entry))) continue
      saved = index + 1
      if (!(await cursors.save(CURSOR, holder, saved, LEASE_MS))) return
    }
    if (head.size > saved) await cursors.save(CURSOR, holder, head.size, LEASE_MS)
  }

  /** Whether anything was posted. */
  async #post(entry: Entry): Promise<boolean> {
    if (entry.kind === 'grant.decided' && entry.approval !== undefined) {
      return await this.#request(entry.grant)
    }
    if (entry.kind !== 'approval.given' && entry.kind !== 'approval.ended') return false
    const { channel, client } = this.#parts
    const thread = this.#messages.get(entry.grant)
    if (thread === undefined) return false
    await client.call('chat.postMessage', { channel, thread_ts: thread, text: outcomeText(entry) })
    return true
  }

  /** What was decided meanwhile, or is over, needs nobody any more. */
  async #request(id: string): Promise<boolean> {
    const { approvals, channel, client, url } = this.#parts
    const state = await approvals.find(id)
    if (state.status !== 'pending') return false
    const ts = await client.call('chat.postMessage', { channel, ...requestMessage(state, url) })
    if (ts !== undefined) this.#remember(id, ts)
    return true
  }

  #remember(id: string, ts: string): void {
    this.#messages.set(id, ts)
    const [oldest] = this.#messages.keys()
    if (this.#messages.size > 1000 && oldest !== undefined) this.#messages.delete(oldest)
  }
}
