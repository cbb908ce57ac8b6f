import { Client, type Connection } from 'pg'
import type { PostgresCredential } from '../../../client/postgres.ts'
import type { Changes, RowCounts } from './changes.ts'
import { encode, type Message, MessageStream, readString, strings } from './wire.ts'

/** A connection to the database in one transaction that is never committed. */
export interface Upstream {
  readonly messages: MessageStream
  /** What the server said about itself at the start, as ParameterStatus wants it. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
  /** Runs a statement of our own; its answer is for us. Throws what the server refuses. */
  run(sql: string): Promise<readonly (readonly string[])[]>
  /** Rows changed in this transaction so far, rolled-back savepoints included. */
  counts(): Promise<Changes>
  close(): Promise<void>
}

/** Session settings that clients send at the start and that change nothing but how values look. */
const SETTINGS = [
  'application_name',
  'client_encoding',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'extra_float_digits',
]

/**
 * Connects with the credential, by the driver that knows TLS and SCRAM, and starts the transaction.
 * After that the bytes of the connection are ours. Errors: the driver's own.
 */
export async function openUpstream(
  credential: PostgresCredential,
  settings: ReadonlyMap<string, string>,
): Promise<Upstream> {
  const { host, port, database, user, password, options } = credential
  const ssl = credential.sslmode === 'disable' ? false : { rejectUnauthorized: true }
  const client = new Client({ host, port, database, user, password, ssl, options })
  // A connection that ends is noticed by whoever reads it.
  client.on('error', () => undefined)
  const parameters = new Map<string, string>()
  client.connection.on('parameterStatus', (message: Parameter) => {
    parameters.set(message.parameterName, message.parameterValue)
  })
  await client.connect()
  try {
    for (const [name, value] of settings) {
      const known = SETTINGS.find((each) => each.toLowerCase() === name.toLowerCase())
      if (known === undefined) continue
      await client.query('SELECT pg_catalog.set_config($1, $2, false)', [known, value])
    }
    await client.query('BEGIN')
  } catch (error) {
    await client.end()
    throw error
  }
  return new RawUpstream(client.connection, [...parameters])
}

interface Parameter {
  readonly parameterName: string
  readonly parameterValue: string
}

const COUNTS = `SELECT pg_catalog.format('%I.%I', schemaname, relname), n_tup_ins, n_tup_upd, n_tup_del
  FROM pg_catalog.pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0`

class RawUpstream implements Upstream {
  readonly messages: MessageStream
  readonly parameters: Upstream['parameters']
  readonly #connection: Connection

  constructor(connection: Connection, parameters: Upstream['parameters']) {
    this.#connection = connection
    this.parameters = parameters
    connection.stream.removeAllListeners('data')
    this.messages = new MessageStream(connection.stream)
  }

  async run(sql: string): Promise<readonly (readonly string[])[]> {
    await this.messages.write(...ownQuery(sql))
    const rows: string[][] = []
    let refused: string | undefined
    for (;;) {
      const message = await this.messages.next()
      if (message === undefined) throw new Error('the database ended the connection')
      if (message.type === 'D') rows.push(cellsOf(message))
      if (message.type === 'E') refused ??= errorText(message)
      if (message.type === 'Z') break
    }
    if (refused !== undefined) throw new Error(refused)
    return rows
  }

  async counts(): Promise<Changes> {
    const rows = await this.run(COUNTS)
    return new Map(rows.map(([table = '', ...cells]) => [table, rowCounts(cells)]))
  }

  async close(): Promise<void> {
    // Whatever state it is in: a connection that ends without COMMIT leaves nothing.
    this.#connection.stream.destroy()
  }
}

const OWN = 'credctl'

/** With names of its own: a simple query would drop the unnamed statement and portal of the client. */
function ownQuery(sql: string): Buffer[] {
  const numbers = (...values: readonly number[]) => {
    const buffer = Buffer.alloc(values.length * 2)
    for (const [index, value] of values.entries()) buffer.writeInt16BE(value, index * 2)
    return buffer
  }
  const close = (what: string) => ({
    type: 'C',
    body: Buffer.concat([Buffer.from(what), strings(OWN)]),
  })
  return [
    // What an error left behind is still there.
    close('P'),
    close('S'),
    { type: 'P', body: Buffer.concat([strings(OWN, sql), numbers(0)]) },
    { type: 'B', body: Buffer.concat([strings(OWN, OWN), numbers(0, 0, 0)]) },
    { type: 'E', body: Buffer.concat([strings(OWN), Buffer.alloc(4)]) },
    { type: 'S', body: Buffer.alloc(0) },
  ].map(encode)
}

function rowCounts(cells: readonly string[]): RowCounts {
  const [inserted = 0, updated = 0, deleted = 0] = cells.map(Number)
  return { inserted, updated, deleted }
}

function cellsOf({ body }: Message): string[] {
  const cells: string[] = []
  let at = 2
  for (let index = 0; index < body.readInt16BE(0); index += 1) {
    const length = body.readInt32BE(at)
    at += 4
    cells.push(length < 0 ? '' : body.toString('utf8', at, at + length))
    at += Math.max(0, length)
  }
  return cells
}

function errorText({ body }: Message): string {
  let at = 0
  while (at < body.length && body[at] !== 0) {
    const { text, next } = readString(body, at)
    if (text.startsWith('M')) return text.slice(1)
    at = next
  }
  return 'the database refused'
}
