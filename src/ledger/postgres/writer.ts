import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import { CredctlError, isCredctlError } from '../../errors.ts'
import { formatCheckpoint, type TreeHead } from '../checkpoint.ts'
import type { Edge } from '../edge.ts'
import type { Entry } from '../entry.ts'
import type { Appended, Guard } from '../ledger.ts'
import type { Signer, Verifier } from '../note.ts'
import { type Answer, appendRows, type Built, moveApprovals } from './append-rows.ts'
import { guardError, prepare, takeBatch, touchesApprovals, type Waiting } from './batch.ts'
import { unavailable, withConnection } from './connection.ts'
import { catchUp, type Head, loadEdge, readHead, tileHashes } from './head.ts'
import { type Queryable, sqlState } from './migrate.ts'

const BATCH = { entries: 256, bytes: 4 * 1024 * 1024 }
const MAX_WAITING = 8_192
/** How long to go on asking what became of a batch whose connection was lost. */
const DOUBT_MS = 3_000
const DOUBT_PAUSE_MS = 50

export interface WriterParts {
  readonly pool: pg.Pool
  readonly signer: Signer
  /** Keys whose checkpoints this log may have been left with: its own, and those before it. */
  readonly keys: readonly Verifier[]
}

/**
 * The one place where the log grows. Concurrent appends share a transaction, and while one batch
 * commits the next gathers. Each batch is a compare-and-swap on the signed head, so that replicas
 * never fork the log; whoever loses a race takes the lock, catches up and appends in its turn.
 */
export class Writer {
  readonly #parts: WriterParts
  /** The newest tree this process has seen signed. It never goes back. */
  #edge: Edge
  #checkpoint: string
  #fence: string
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #stopped: CredctlError | undefined

  private constructor(parts: WriterParts, edge: Edge, { checkpoint, fence }: Head) {
    this.#parts = parts
    this.#edge = edge
    this.#checkpoint = checkpoint
    this.#fence = fence
  }

  /** Loads and verifies the head. Errors: `ledger_diverged`, `ledger_unavailable`. */
  static async open(parts: WriterParts): Promise<Writer> {
    return await withConnection(parts.pool, async (client) => {
      // One snapshot: another replica may append meanwhile.
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      const head = await readHead(client)
      const edge = await catchUp(client, await loadEdge(client, head.size), head, parts.keys)
      await client.query('COMMIT')
      return new Writer(parts, edge, head)
    }).catch((error: unknown) => {
      throw unavailable(error)
    })
  }

  /** The newest tree this process has seen signed. */
  get head(): TreeHead {
    return { size: this.#edge.size, root: this.#edge.root() }
  }

  /** Its signed checkpoint; empty for an empty log. */
  get checkpoint(): string {
    return this.#checkpoint
  }

  /** Why nothing can be appended any more, or not now. */
  get refusal(): CredctlError | undefined {
    if (this.#stopped !== undefined) return this.#stopped
    if (this.#waiting.length < MAX_WAITING) return undefined
    return new CredctlError('ledger_unavailable', 'too many entries wait to be recorded', {
      hint: 'try again shortly; nothing was granted',
    })
  }

  append(entry: Entry, guard: Guard): Promise<Appended> {
    const { refusal } = this
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, guard, ...prepare(entry, guard), resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Takes no more entries and waits for those it has. */
  async close(): Promise<void> {
    this.#stopped ??= new CredctlError('ledger_unavailable', 'the ledger is closed')
    await this.#running
  }

  async #run(): Promise<void> {
    // Whoever appends in the same turn of the event loop shares the first batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const { batch, rest } = takeBatch(this.#waiting, BATCH)
      this.#waiting = rest
      await this.#commit(batch)
    }
    this.#running = undefined
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#append(batch)
    } catch (error) {
      const reason = unavailable(error)
      if (isCredctlError(reason, 'ledger_diverged')) this.#stopped = reason
      // Those that wait would only find the same database a little later.
      const rest = this.#waiting
      this.#waiting = []
      for (const { reject } of [...batch, ...rest]) reject(reason)
    }
  }

  /** Resolves or rejects each of the batch, or throws for those that are left. */
  async #append(batch: readonly Waiting[]): Promise<void> {
    let left = batch
    let inTurn = batch.some(touchesApprovals)
    while (left.length > 0) {
      const { built, answer } = inTurn ? await this.#sendInTurn(left) : await this.#send(left)
      if (answer.outcome === 'appended') return this.#appended(built)
      if (answer.outcome === 'conflict') inTurn = true
      else left = rejectRefused(left, answer)
    }
  }

  #appended({ batch, before, after, fence, checkpoint }: Built): void {
    this.#edge = after
    this.#checkpoint = checkpoint
    this.#fence = fence
    // The next batch goes out first: what the callers do now overlaps with its commit.
    setImmediate(() => {
      for (const [position, { leaf, resolve }] of batch.entries()) {
        resolve({ index: before.size + position, leaf })
      }
    })
  }

  /** Optimistic: one round trip, and in vain when another replica was faster. */
  async #send(batch: readonly Waiting[]): Promise<{ built: Built; answer: Answer }> {
    const built = this.#build(batch, this.#edge, this.#fence)
    const client = await this.#parts.pool.connect()
    try {
      const answer = await appendRows(client, built)
      client.release()
      return { built, answer }
    } catch (error) {
      client.release(true)
      // An error that the server reports for a statement means that the statement had no effect.
      if (isVerdict(error)) throw error
      return await this.#resolveDoubt(built)
    }
  }

  /** Under the lock: nobody else can append between catching up and committing. */
  async #sendInTurn(batch: readonly Waiting[]): Promise<{ built: Built; answer: Answer }> {
    const client = await this.#parts.pool.connect()
    let built: Built | undefined
    try {
      await client.query('BEGIN')
      await client.query('SELECT credctl_ledger.lock_head()')
      const head = await this.#adopt(client)
      built = this.#build(batch, this.#edge, head.fence)
      const moved = await moveApprovals(client, built)
      const answer = moved ?? (await appendRows(client, built))
      await client.query(answer.outcome === 'appended' ? 'COMMIT' : 'ROLLBACK')
      client.release()
      return { built, answer }
    } catch (error) {
      client.release(true)
      if (built === undefined || isVerdict(error) || isCredctlError(error)) throw error
      return await this.#resolveDoubt(built)
    }
  }

  /**
   * The connection broke while a batch may have been committing. Once the fence is up, the batch is
   * in the log or never will be; its place tells which. Throws when the database stays away: then
   * nobody knows, and the callers are told that nothing may be done.
   */
  async #resolveDoubt(built: Built): Promise<{ built: Built; answer: Answer }> {
    const deadline = performance.now() + DOUBT_MS
    for (;;) {
      try {
        return await withConnection(this.#parts.pool, async (client) => {
          await client.query('SELECT credctl_ledger.fence()')
          const { fence, checkpoint } = await this.#adopt(client)
          const first = built.before.size
          const leaves = await tileHashes(client, 0, first, built.batch.length)
          const present = leaves.length === built.batch.length
          const same = leaves.every((leaf, at) => built.batch[at]?.leaf.equals(leaf))
          if (!present || !same) return { built, answer: { outcome: 'conflict' } }
          const settled = { ...built, after: this.#edge, checkpoint, fence }
          return { built: settled, answer: { outcome: 'appended' } }
        })
      } catch (error) {
        if (isCredctlError(error) || performance.now() > deadline) throw error
        await pause(DOUBT_PAUSE_MS)
      }
    }
  }

  /** Takes over the head as it is now, after verifying that it continues the tree we know. */
  async #adopt(client: Queryable): Promise<Head> {
    const head = await readHead(client)
    this.#edge = await catchUp(client, this.#edge, head, this.#parts.keys)
    this.#checkpoint = head.checkpoint
    this.#fence = head.fence
    return head
  }

  #build(batch: readonly Waiting[], before: Edge, fence: string): Built {
    const after = before.copy()
    const tiles = batch.flatMap(({ leaf }) => after.append(leaf))
    const { signer } = this.#parts
    const tree = { origin: signer.name, size: after.size, root: after.root() }
    return { batch, before, fence, after, tiles, checkpoint: signer.sign(formatCheckpoint(tree)) }
  }
}

function rejectRefused(
  batch: readonly Waiting[],
  { failed, of }: Extract<Answer, { outcome: 'refused' }>,
): readonly Waiting[] {
  const refused = new Set(failed)
  for (const [position, item] of batch.entries()) {
    if (refused.has(position)) item.reject(guardError(item, of))
  }
  return batch.filter((_, position) => !refused.has(position))
}

/**
 * An answer of the server about the statement itself. Not one are those that end the session
 * (class 08, 57P), which can come at any moment, also after a commit.
 */
function isVerdict(error: unknown): boolean {
  const state = sqlState(error)
  return state !== undefined && !/^(08|57P)/.test(state)
}
