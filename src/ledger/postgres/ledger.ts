import type pg from 'pg'
import { type Clock, type Random, systemClock, systemRandom } from '../../clock.ts'
import type { Usage } from '../../decision/request.ts'
import { CredctlError } from '../../errors.ts'
import type { ReplayStore } from '../../identity/replay.ts'
import { PostgresReplayStore } from '../../identity/replay-postgres.ts'
import type { SessionStore } from '../../identity/session.ts'
import { PostgresSessionStore } from '../../identity/session-postgres.ts'
import { openRequest, openWord, seal } from '../commitment.ts'
import type { Entry } from '../entry.ts'
import type { ExportCursors } from '../export-cursors.ts'
import type {
  Appended,
  ApprovalFilter,
  ApprovalState,
  CredentialState,
  Delivery,
  GrantFilter,
  GrantState,
  Guard,
  Ledger,
} from '../ledger.ts'
import { parseVkey, type Signer, type Verifier } from '../note.ts'
import type { Openings } from '../openings.ts'
import type { PublishedStore } from '../published.ts'
import type { LedgerLog } from '../reader.ts'
import type { Remembered } from '../remembered.ts'
import type { EntrySearch } from '../search.ts'
import { findApproval, listApprovals } from './approvals.ts'
import { createPool, type LedgerConnection, unavailable } from './connection.ts'
import { postgresExportCursors } from './export-cursors.ts'
import { PostgresLog } from './log.ts'
import { checkRemembered, keepRemembering } from './memory.ts'
import { checkSchema } from './migrate.ts'
import { PostgresOpenings } from './openings.ts'
import { postgresPublished } from './published.ts'
import { PostgresSearch } from './search.ts'
import * as state from './state.ts'
import { Writer } from './writer.ts'

export interface PostgresLedgerOptions {
  readonly connection: LedgerConnection
  readonly signer: Signer
  /** Keys that signed this log before the present one. */
  readonly formerKeys?: readonly Verifier[]
  /** Memory of this broker apart from the database; without it a restart believes any signed log. */
  readonly remembered?: Remembered
  readonly clock?: Clock
  /** Values to commit to instead of recording them: `intent`, `parameters.NAME`, `claims.NAME`. */
  readonly commit?: readonly string[]
  /** Salts of commitments come from here. */
  readonly random?: Random
}

/** Kept open: the first append after a quiet night is as fast as any. */
const WRITER = { max: 1, idleMs: 0 }
const READERS = { max: 8, idleMs: 60_000 }

const TAKE = 'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken'
const GIVE_UP = 'SELECT pg_advisory_unlock(hashtextextended($1, 0))'

/** The ledger in PostgreSQL. Any number of replicas may work on one database. */
export class PostgresLedger implements Ledger {
  readonly log: LedgerLog
  /** What was used once, for all replicas: not part of the log, only beside it. */
  readonly replay: ReplayStore
  /** Who is signed in at the console, for all replicas. */
  readonly sessions: SessionStore
  /** For people who look for something in the log. */
  readonly search: EntrySearch
  /** What was handed to readers and anchors, for all replicas. */
  readonly published: PublishedStore
  /** The values behind the log's commitments. */
  readonly openings: Openings
  /** Where exports stand, for all replicas. */
  readonly exportCursors: ExportCursors
  readonly #committed: ReadonlySet<string>
  readonly #random: Random
  readonly #writer: Writer
  readonly #writing: pg.Pool
  readonly #reading: pg.Pool
  readonly #clock: Clock
  readonly #remembering: { stop(): Promise<void> } | undefined
  #closing: Promise<void> | undefined

  private constructor(
    pools: { readonly writing: pg.Pool; readonly reading: pg.Pool },
    writer: Writer,
    options: PostgresLedgerOptions,
  ) {
    const { signer, clock = systemClock, remembered, commit = [], random = systemRandom } = options
    this.#committed = new Set(commit)
    this.#random = random
    this.#writing = pools.writing
    this.#reading = pools.reading
    this.#writer = writer
    this.#clock = clock
    this.log = new PostgresLog(this.#reading, signer)
    this.replay = new PostgresReplayStore(this.#reading)
    this.published = postgresPublished(this.#reading)
    this.openings = new PostgresOpenings(this.#reading)
    this.exportCursors = postgresExportCursors(this.#reading)
    this.sessions = new PostgresSessionStore(this.#reading)
    this.search = new PostgresSearch(this.#reading)
    this.#remembering = remembered && keepRemembering(remembered, () => writer.checkpoint)
  }

  /**
   * Connects, checks the schema and verifies the signed head before anything is appended. Errors:
   * `ledger_not_migrated`, `ledger_diverged`, `ledger_unavailable`, `config_invalid`.
   */
  static async open(options: PostgresLedgerOptions): Promise<PostgresLedger> {
    const { connection, signer, formerKeys = [], remembered } = options
    const writing = createPool(connection, WRITER)
    const reading = createPool(connection, READERS)
    try {
      await checkSchema(reading)
      const keys = [parseVkey(signer.vkey), ...formerKeys]
      const writer = await Writer.open({ pool: writing, signer, keys })
      if (remembered !== undefined) {
        await checkRemembered(remembered, keys, new PostgresLog(reading, signer), writer.head)
      }
      return new PostgresLedger({ writing, reading }, writer, options)
    } catch (error) {
      await Promise.all([writing.end(), reading.end()])
      throw unavailable(error)
    }
  }

  async append(entry: Entry, guard: Guard = {}): Promise<Appended> {
    if (this.#committed.size === 0) return this.#writer.append(entry, guard)
    const sealed = seal(entry, this.#committed, this.#random)
    if (sealed.openings.length > 0 && 'grant' in entry) {
      await this.openings.keep(entry.grant, sealed.openings, new Date(entry.time))
    }
    return await this.#writer.append(sealed.entry, guard)
  }

  async grant(id: string): Promise<GrantState | undefined> {
    const found = await this.#read(() => state.findGrant(this.#reading, id))
    return found && (await this.#opened([found]))[0]
  }

  async grants(filter: GrantFilter): Promise<readonly GrantState[]> {
    const now = this.#clock.now()
    return this.#opened(await this.#read(() => state.listGrants(this.#reading, filter, now)))
  }

  credentials(grant: string): Promise<readonly CredentialState[]> {
    return this.#read(() => state.credentialsOf(this.#reading, grant))
  }

  async approval(id: string): Promise<ApprovalState | undefined> {
    const found = await this.#read(() => findApproval(this.#reading, id))
    return found && (await this.#openedApprovals([found]))[0]
  }

  async approvals(filter: ApprovalFilter): Promise<readonly ApprovalState[]> {
    return this.#openedApprovals(await this.#read(() => listApprovals(this.#reading, filter)))
  }

  deliveries(grant: string): Promise<readonly Delivery[]> {
    return this.#read(() => state.deliveriesOf(this.#reading, grant))
  }

  usage(scope: string, environment: string, now: Date): Promise<Usage> {
    return this.#read(() => state.countUsage(this.#reading, scope, environment, now))
  }

  async expired(now: Date, limit: number): Promise<readonly GrantState[]> {
    return this.#opened(await this.#read(() => state.expiredGrants(this.#reading, now, limit)))
  }

  unfinished(_now: Date, limit: number): Promise<readonly CredentialState[]> {
    return this.#read(() => state.unfinishedCredentials(this.#reading, limit))
  }

  minted(): Promise<readonly CredentialState[]> {
    return this.#read(() => state.mintedCredentials(this.#reading))
  }

  /** The lock lives as long as its connection: a broker that dies gives it up. */
  async exclusively<T>(task: string, run: () => Promise<T>): Promise<T | undefined> {
    const key = `credctl ${task}`
    const client = await this.#read(() => this.#reading.connect())
    try {
      const { rows } = await this.#read(() => client.query<{ taken: boolean }>(TAKE, [key]))
      const taken = rows[0]?.taken === true
      const result = taken ? await run() : undefined
      if (taken) await this.#read(() => client.query(GIVE_UP, [key]))
      client.release()
      return result
    } catch (error) {
      // Ends the session and with it the lock, whatever state either is in.
      client.release(true)
      throw error
    }
  }

  async ready(): Promise<void> {
    if (this.#writer.refusal !== undefined) throw this.#writer.refusal
    const { rows } = await this.#read(() =>
      this.#reading.query<{ size: string; writable: boolean }>(
        `SELECT size, NOT pg_is_in_recovery() AS writable FROM credctl_ledger.head`,
      ),
    )
    if (rows[0]?.writable === true && Number(rows[0].size) >= this.#writer.head.size) return
    throw new CredctlError('ledger_unavailable', 'the database is a replica or an older copy')
  }

  /** Waits for appends that are under way. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** With the values that are committed to, for as long as they are kept. */
  async #opened<State extends Parameters<typeof openRequest>[0] & { readonly id: string }>(
    states: readonly State[],
  ): Promise<readonly State[]> {
    const closed = states.filter(({ committed }) => committed !== undefined)
    if (closed.length === 0) return states
    const openings = await this.openings.of(closed.map(({ id }) => id))
    return states.map((each) => openRequest(each, openings.get(each.id) ?? []))
  }

  /** People are told apart, and their groups known, by claims that may be committed to. */
  async #openedApprovals(states: readonly ApprovalState[]): Promise<readonly ApprovalState[]> {
    const requests = await this.#opened(states)
    const closed = requests.filter(({ given }) => given.some(({ committed }) => committed))
    if (closed.length === 0) return requests
    const openings = await this.openings.of(closed.map(({ id }) => id))
    return requests.map((each) => ({
      ...each,
      given: each.given.map((word) => openWord(word, openings.get(each.id) ?? [])),
    }))
  }

  async #close(): Promise<void> {
    await this.#writer.close()
    await this.#remembering?.stop()
    await Promise.all([this.#writing.end(), this.#reading.end()])
  }

  async #read<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw unavailable(error)
    }
  }
}
