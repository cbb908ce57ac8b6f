import { isSyntaxError, type Statement, statementsOf } from './statements.ts'
import { DryRunTransaction, type Outcome } from './transaction.ts'
import type { Upstream } from './upstream.ts'
import {
  complete,
  encode,
  type Message,
  type MessageStream,
  problem,
  readString,
  single,
} from './wire.ts'

type Control = Exclude<Statement, { kind: 'other' }>

const PARSE_COMPLETE = encode({ type: '1', body: Buffer.alloc(0) })
const BIND_COMPLETE = encode({ type: '2', body: Buffer.alloc(0) })
const CLOSE_COMPLETE = encode({ type: '3', body: Buffer.alloc(0) })
const NO_DATA = encode({ type: 'n', body: Buffer.alloc(0) })
const NO_PARAMETERS = encode({ type: 't', body: Buffer.from([0, 0]) })
const EMPTY_QUERY = encode({ type: 'I', body: Buffer.alloc(0) })
const FLUSH = encode({ type: 'H', body: Buffer.alloc(0) })
const SYNC = encode({ type: 'S', body: Buffer.alloc(0) })

/**
 * One client's session (PostgreSQL documentation, "Frontend/Backend Protocol"). Messages are
 * passed on one at a time, each with its answer, so that what a statement did is known before the
 * next one; statements about transactions are answered here.
 */
export class DryRunSession {
  readonly transaction: DryRunTransaction
  readonly #client: MessageStream
  readonly #upstream: Upstream
  /** Prepared statements and portals that are statements about transactions. */
  readonly #statements = new Map<string, Control>()
  readonly #portals = new Map<string, Control>()
  /** After an error in the extended protocol, everything is ignored until Sync. */
  #isSkipping = false

  constructor(client: MessageStream, upstream: Upstream) {
    this.#client = client
    this.#upstream = upstream
    this.transaction = new DryRunTransaction(upstream)
  }

  /** Until the client leaves or either side breaks off. */
  async run(): Promise<void> {
    await this.#ready()
    for (;;) {
      const message = await this.#client.next()
      if (message === undefined || message.type === 'X') return
      if (message.type === 'S') await this.#sync()
      else if (message.type === 'Q') await this.#simple(readString(message.body).text)
      else if (!this.#isSkipping) await this.#extended(message)
    }
  }

  async #simple(text: string): Promise<void> {
    const statements = parsed(text)
    if ('code' in statements) await this.#fail(statements)
    else if (statements.length === 0) await this.#client.write(EMPTY_QUERY)
    else await this.#all(statements)
    await this.#endUnit(false)
    await this.#ready()
  }

  /** Several statements in one message stand and fall together, as PostgreSQL has it. */
  async #all(statements: readonly Statement[]): Promise<void> {
    for (const statement of statements) {
      const done =
        statement.kind === 'other' ? await this.#one(statement.sql) : await this.#control(statement)
      if (!done) return
    }
  }

  /**
   * The server takes one statement in this form and no more. It may read a text otherwise than the
   * grammar here, with another encoding or backslashes that escape: what is a string here and a
   * COMMIT there is then an error, not a commit.
   */
  async #one(sql: string): Promise<boolean> {
    await this.transaction.open()
    await this.#upstream.messages.write(...single(sql), FLUSH)
    const { failed } = await this.#relay(ENDS['E'] ?? [], UNASKED)
    await this.#upstream.messages.write(SYNC)
    await this.#relay(['Z'])
    if (failed) await this.#failed()
    return !failed
  }

  async #control(statement: Control): Promise<boolean> {
    const outcome = await this.transaction.control(statement)
    if ('code' in outcome) {
      await this.#fail(outcome)
      return false
    }
    if (outcome.warning !== undefined) {
      await this.#client.write(problem('25P01', outcome.warning, 'WARNING'))
    }
    await this.#client.write(complete(outcome.tag))
    return true
  }

  async #extended(message: Message): Promise<void> {
    const own = await this.#answered(message)
    if (own || message.type === 'H') return
    if (!'PBDEC'.includes(message.type)) {
      await this.#fail({ code: '08P01', message: 'a dry run does not know this message' })
      this.#isSkipping = true
      return
    }
    await this.transaction.open()
    await this.#upstream.messages.write(encode(message), FLUSH)
    const { failed } = await this.#relay(ENDS[message.type] ?? [])
    if (failed) await this.#skip()
  }

  /** Whether it was about a statement that is answered here. */
  async #answered({ type, body }: Message): Promise<boolean> {
    switch (type) {
      case 'P':
        return await this.#parse(body)
      case 'B':
        return await this.#bind(body)
      case 'D':
        return await this.#describe(body)
      case 'E': {
        const control = this.#portals.get(readString(body).text)
        if (control === undefined) return false
        if (!(await this.#control(control))) await this.#skip()
        return true
      }
      case 'C': {
        const names = body[0] === 0x53 ? this.#statements : this.#portals
        if (!names.delete(readString(body, 1).text)) return false
        await this.#client.write(CLOSE_COMPLETE)
        return true
      }
      default:
        return false
    }
  }

  async #parse(body: Buffer): Promise<boolean> {
    const { text: name, next } = readString(body)
    this.#statements.delete(name)
    const statements = parsed(readString(body, next).text)
    if ('code' in statements) {
      await this.#fail(statements)
      await this.#skip()
      return true
    }
    const [first] = statements
    if (first === undefined || first.kind === 'other' || statements.length > 1) return false
    this.#statements.set(name, first)
    await this.#client.write(PARSE_COMPLETE)
    return true
  }

  async #bind(body: Buffer): Promise<boolean> {
    const { text: portal, next } = readString(body)
    this.#portals.delete(portal)
    const control = this.#statements.get(readString(body, next).text)
    if (control === undefined) return false
    this.#portals.set(portal, control)
    await this.#client.write(BIND_COMPLETE)
    return true
  }

  async #describe(body: Buffer): Promise<boolean> {
    const isStatement = body[0] === 0x53
    const name = readString(body, 1).text
    if (!(isStatement ? this.#statements : this.#portals).has(name)) return false
    await this.#client.write(...(isStatement ? [NO_PARAMETERS, NO_DATA] : [NO_DATA]))
    return true
  }

  async #sync(): Promise<void> {
    const failed = this.#isSkipping
    this.#isSkipping = false
    await this.#upstream.messages.write(SYNC)
    await this.#relay(['Z'])
    await this.#endUnit(failed)
    await this.#ready()
  }

  /** An error inside a block leaves it failed; outside, what the statement did is undone. */
  async #failed(): Promise<void> {
    if (this.transaction.status === 'I') await this.transaction.close(true)
    else this.transaction.status = 'E'
  }

  async #fail(outcome: Extract<Outcome, { code: string }>): Promise<void> {
    await this.#client.write(problem(outcome.code, outcome.message))
    await this.#failed()
  }

  async #skip(): Promise<void> {
    this.#isSkipping = true
  }

  async #endUnit(failed: boolean): Promise<void> {
    if (this.transaction.status === 'I') await this.transaction.close(failed)
    else if (failed) this.transaction.status = 'E'
  }

  async #ready(): Promise<void> {
    const body = Buffer.from(this.transaction.status)
    await this.#client.write(encode({ type: 'Z', body }))
  }

  /** Passes answers on until one of these; the server's own ReadyForQuery stays here. */
  async #relay(ends: readonly string[], kept = ''): Promise<{ readonly failed: boolean }> {
    let failed = false
    for (;;) {
      const message = await this.#upstream.messages.next()
      if (message === undefined) throw new Error('the database ended the connection')
      if (message.type === 'Z') {
        requireOpenTransaction(message)
        return { failed }
      }
      if (!kept.includes(message.type)) await this.#client.write(encode(message))
      if (message.type === 'G') await this.#copyIn()
      if (message.type === 'E') failed = true
      // Without Sync, an error is the last answer.
      if (ends.includes(message.type) || (failed && !ends.includes('Z'))) return { failed }
    }
  }

  /** COPY … FROM STDIN: data until the client says that it is done, or gives up. */
  async #copyIn(): Promise<void> {
    for (;;) {
      const message = await this.#client.next()
      if (message === undefined) throw new Error('the client left within a COPY')
      if ('dcf'.includes(message.type)) await this.#upstream.messages.write(encode(message))
      if (message.type !== 'c' && message.type !== 'f') continue
      // What was flushed before the data does not cover the answer to it.
      await this.#upstream.messages.write(FLUSH)
      return
    }
  }
}

/** What ends the answer to a message of the extended protocol. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  P: ['1'],
  B: ['2'],
  D: ['T', 'n'],
  E: ['C', 'I', 's'],
  C: ['3'],
}

/** Answers to the parts of a simple query that the client did not send. */
const UNASKED = '12n'

/** Nothing ends our transaction; were it over all the same, what comes next would stay. */
function requireOpenTransaction({ body }: Message): void {
  if (body.toString('latin1') === 'I') throw new Error('the transaction of the dry run has ended')
}

function parsed(text: string): Statement[] | { readonly code: string; readonly message: string } {
  try {
    return statementsOf(text)
  } catch (error) {
    if (!isSyntaxError(error)) throw error
    return { code: '42601', message: error.message }
  }
}
