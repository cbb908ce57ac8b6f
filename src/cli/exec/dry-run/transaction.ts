import { advanced, type Changes, NOTHING } from './changes.ts'
import type { Statement } from './statements.ts'
import type { Upstream } from './upstream.ts'

/** As in ReadyForQuery: outside a transaction block, inside one, inside a failed one. */
export type Status = 'I' | 'T' | 'E'

/** An answer to a statement about transactions: its tag, or why not. */
export type Outcome =
  | { readonly tag: string; readonly warning?: string }
  | { readonly code: string; readonly message: string }

const UNIT = 'credctl_dry_run'

interface Mark {
  readonly name: string
  readonly changes: Changes
}

/**
 * The client's transactions as savepoints of one transaction that never commits: what it commits
 * it goes on seeing, and nobody else ever does. Counts rows that its commits would have changed.
 */
export class DryRunTransaction {
  status: Status = 'I'
  readonly #upstream: Upstream
  #isOpen = false
  /** What would be committed now, and what the server had counted when that was last looked at. */
  #changes: Changes = NOTHING
  #counted: Changes = NOTHING
  #before: Changes = NOTHING
  #marks: Mark[] = []

  constructor(upstream: Upstream) {
    this.#upstream = upstream
  }

  /** Rows that all commits so far would have changed. */
  get changes(): Changes {
    return this.#isOpen ? this.#before : this.#changes
  }

  /** Before anything of the client reaches the server: an error must not end our transaction. */
  async open(): Promise<void> {
    if (this.#isOpen) return
    await this.#upstream.run(`SAVEPOINT ${UNIT}`)
    this.#isOpen = true
    this.#before = this.#changes
    this.#marks = []
  }

  /** The client's transaction is over: implicitly after a statement, or because it said so. */
  async close(failed: boolean): Promise<void> {
    this.status = 'I'
    if (!this.#isOpen) return
    if (failed) {
      await this.#upstream.run(`ROLLBACK TO SAVEPOINT ${UNIT}`)
      await this.#forget(this.#before)
    } else {
      await this.#count()
    }
    await this.#upstream.run(`RELEASE SAVEPOINT ${UNIT}`)
    this.#isOpen = false
  }

  /** A statement about transactions, done with savepoints. */
  async control(statement: Exclude<Statement, { kind: 'other' }>): Promise<Outcome> {
    switch (statement.kind) {
      case 'begin':
        return await this.#begin()
      case 'commit':
      case 'rollback':
        return await this.#finish(statement.kind, statement.chain)
      case 'prepared':
        return { code: '0A000', message: 'a dry run knows no two-phase commit' }
      default:
        return await this.#savepoint(statement)
    }
  }

  async #begin(): Promise<Outcome> {
    if (this.status !== 'I')
      return { tag: 'BEGIN', warning: 'there is already a transaction in progress' }
    await this.open()
    this.status = 'T'
    return { tag: 'BEGIN' }
  }

  async #finish(kind: 'commit' | 'rollback', chain: boolean): Promise<Outcome> {
    const word = kind === 'commit' ? 'COMMIT' : 'ROLLBACK'
    if (this.status === 'I') return { tag: word, warning: 'there is no transaction in progress' }
    const failed = this.status === 'E' || kind === 'rollback'
    await this.close(failed)
    if (chain) await this.#begin()
    return { tag: failed ? 'ROLLBACK' : word }
  }

  async #savepoint(statement: Extract<Statement, { name: string }>): Promise<Outcome> {
    const { kind, name, sql } = statement
    if (this.status === 'I') {
      return { code: '25P01', message: 'SAVEPOINT can only be used in transaction blocks' }
    }
    if (name.startsWith(UNIT)) return { code: '42939', message: `savepoint ${name} is reserved` }
    if (this.status === 'E' && kind !== 'rollback_to') {
      return { code: '25P02', message: 'current transaction is aborted' }
    }
    if (kind !== 'rollback_to') await this.#count()
    try {
      await this.#upstream.run(sql)
    } catch (error) {
      this.status = 'E'
      return { code: '3B001', message: error instanceof Error ? error.message : String(error) }
    }
    await this.#follow(kind, name)
    return { tag: { savepoint: 'SAVEPOINT', release: 'RELEASE', rollback_to: 'ROLLBACK' }[kind] }
  }

  async #follow(kind: 'savepoint' | 'rollback_to' | 'release', name: string): Promise<void> {
    if (kind === 'savepoint') {
      this.#marks.push({ name, changes: this.#changes })
      return
    }
    const at = this.#marks.findLastIndex((mark) => mark.name === name)
    const mark = this.#marks[at]
    if (mark === undefined) return
    this.#marks.length = kind === 'release' ? at : at + 1
    if (kind === 'release') return
    this.status = 'T'
    await this.#forget(mark.changes)
  }

  async #count(): Promise<void> {
    const counted = await this.#upstream.counts()
    this.#changes = advanced(this.#changes, this.#counted, counted)
    this.#counted = counted
  }

  /** The server counts attempts: what was rolled back stays in its numbers. */
  async #forget(changes: Changes): Promise<void> {
    this.#counted = await this.#upstream.counts()
    this.#changes = changes
  }
}
