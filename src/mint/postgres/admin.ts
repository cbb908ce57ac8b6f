import { Client, type ClientConfig, Pool, type QueryResult } from 'pg'
import type { PostgresTarget } from '../../environment/target-postgres.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { codeOf } from './failure.ts'

export type Row = Readonly<Record<string, unknown>>

/** What the rest of the mint needs of a connection; errors are the driver's own. */
export interface Session {
  /** One statement with parameters; with a name, the connection keeps it prepared. */
  query(text: string, values?: readonly unknown[], name?: string): Promise<readonly Row[]>
  /** Statements as one message: one round trip, and one transaction unless they say otherwise. */
  batch(text: string): Promise<readonly (readonly Row[])[]>
}

/** The broker's own role at a target. */
export interface Admin extends Session {
  /** Runs on one connection to another database of the same server. */
  in<T>(database: string, run: (session: Session) => Promise<T>): Promise<T>
  close(): Promise<void>
}

const CONNECTIONS = 6
/** For a connection of the pool to be free or made: a burst of a thousand mints fits in. */
const CONNECT_MS = 10_000
/** Above the server's own timeout: what the client gives up on must not commit later. */
const ANSWER_MS = 20_000

/**
 * Nothing the server's owner created may be found before PostgreSQL's own functions, and nothing
 * the admin starts may wait or run for long. Sent at start-up, so that it holds for every session.
 */
const SETTINGS = {
  search_path: 'pg_catalog',
  statement_timeout: '15s',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '15s',
  default_transaction_isolation: 'read committed',
  TimeZone: 'UTC',
}

/**
 * Opens nothing yet: connections are made when they are needed. With a role, every session has
 * that role's rights instead of the admin's from its start.
 */
export function openAdmin(target: PostgresTarget, secrets: ResolveSecret, role?: string): Admin {
  const { resolve, run: withFreshSecret } = refetching(secrets)
  let opening: Promise<Pool> | undefined
  const pool = (): Promise<Pool> => {
    opening ??= openPool(target, resolve, role).catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    query: async (text, values = [], name) => {
      const ready = await pool()
      const query = { text, values: [...values], ...(name === undefined ? {} : { name }) }
      return (await withFreshSecret(() => ready.query(query))).rows
    },
    batch: async (text) => {
      const ready = await pool()
      return rowsOf(await withFreshSecret(() => ready.query(text)))
    },
    in: async (database, run) => {
      const options = { ...(await clientOptions(target, resolve, role)), database }
      const client = await withFreshSecret(() => connect(options))
      try {
        return await run({
          query: async (text, values) => (await client.query(text, [...(values ?? [])])).rows,
          batch: async (text) => rowsOf(await client.query(text)),
        })
      } finally {
        await client.end()
      }
    },
    close: async () => {
      if (opening !== undefined) await (await opening).end()
    },
  }
}

async function openPool(
  target: PostgresTarget,
  resolve: ResolveSecret,
  role: string | undefined,
): Promise<Pool> {
  const options = await clientOptions(target, resolve, role)
  const pool = new Pool({
    ...options,
    Client: ClosingClient,
    max: CONNECTIONS,
    idleTimeoutMillis: 30_000,
  })
  // An idle connection that breaks is replaced at the next use; without a listener it would end
  // the process.
  pool.on('error', () => undefined)
  return pool
}

/**
 * The driver leaves a connection open that fails while it logs in, such as when the secret cannot
 * be read: the server would count it until its own timeout.
 */
class ClosingClient extends Client {
  override connect(): Promise<Client>
  override connect(callback: Connected): void
  override connect(callback?: Connected): Promise<Client> | undefined {
    const connecting = super.connect().catch((error: unknown) => {
      void this.end().catch(() => undefined)
      throw error
    })
    if (callback === undefined) return connecting
    connecting.then((client) => callback(null, client), callback)
    return undefined
  }
}

/** The pool tells success by an absent error. */
type Connected = (error: Error | null, client?: Client) => void

async function connect(options: ClientConfig): Promise<Client> {
  const client = new ClosingClient(options)
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function clientOptions(
  target: PostgresTarget,
  resolve: ResolveSecret,
  role: string | undefined,
): Promise<ClientConfig> {
  const ca = target.ca === undefined ? {} : { ca: (await resolve(target.ca)).reveal() }
  return {
    host: target.host.replace(/^\[|\]$/g, ''),
    port: target.port,
    database: target.database,
    user: target.admin.user,
    // Called for every new connection: a rotated password needs no restart.
    password: async () => (await resolve(target.admin.password)).reveal(),
    ...(target.tls === 'disable'
      ? { ssl: false }
      : { ssl: { rejectUnauthorized: true, ...ca }, enableChannelBinding: true }),
    application_name: 'credctl',
    options: startOptions({ ...SETTINGS, ...(role === undefined ? {} : { role }) }),
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  }
}

/** As `postgres -c name=value`, with white space and backslashes escaped. */
export function startOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, '\\$&')}`)
    .join(' ')
}

/**
 * The secret may have been rotated between reading and using it: once more, with one that nobody
 * remembered meanwhile, then it is wrong.
 */
function refetching(resolve: ResolveSecret) {
  const state = { fresh: false }
  return {
    resolve: (reference: Parameters<ResolveSecret>[0]) => resolve(reference, { ...state }),
    run: async <T>(run: () => Promise<T>): Promise<T> => {
      try {
        return await run()
      } catch (error) {
        if (codeOf(error) !== '28P01') throw error
      }
      state.fresh = true
      try {
        return await run()
      } finally {
        state.fresh = false
      }
    },
  }
}

/** The driver gives one result for one statement and a list for several. */
function rowsOf(results: QueryResult | QueryResult[]): (readonly Row[])[] {
  return (Array.isArray(results) ? results : [results]).map((result) => result.rows)
}
