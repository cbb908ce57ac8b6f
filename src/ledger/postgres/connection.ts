import pg from 'pg'
import { CredctlError, isCredctlError } from '../../errors.ts'
import type { Secret } from '../../secret/secret.ts'

/** One role on the ledger's database. */
export interface LedgerConnection {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** Asked for at every new connection, so that a rotated password needs no restart. */
  readonly password: () => Promise<Secret<string>>
  /** `undefined` only for loopback; otherwise the certificate must be for `host`. */
  readonly tls: { readonly ca: string | undefined } | undefined
}

/** Longest time a statement may take; the client gives up a little later than the server. */
export const STATEMENT_MS = 4_000
const CONNECT_MS = 2_000
const LOCK_MS = 2_000

/**
 * What must hold whatever role or database default says otherwise. `search_path` holds nothing
 * that another role could put something into.
 */
const SESSION = [
  'search_path=pg_catalog',
  'synchronous_commit=on',
  'default_transaction_read_only=off',
  'timezone=UTC',
  `statement_timeout=${STATEMENT_MS}`,
  `lock_timeout=${LOCK_MS}`,
  `idle_in_transaction_session_timeout=${2 * STATEMENT_MS}`,
]

export function clientConfig(connection: LedgerConnection): pg.ClientConfig {
  const { host, port, database, user, password, tls } = connection
  const ca = tls?.ca === undefined ? {} : { ca: tls.ca }
  return {
    host,
    port,
    database,
    user,
    password: async () => (await password()).reveal(),
    ssl: tls === undefined ? false : { ...ca, rejectUnauthorized: true, servername: host },
    application_name: 'credctl ledger',
    options: SESSION.map((setting) => `-c ${setting}`).join(' '),
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS + 500,
    keepAlive: true,
  }
}

/** A pool whose idle connections may fail without ending the process: the next use makes anew. */
export function createPool(
  connection: LedgerConnection,
  { max, idleMs }: { readonly max: number; readonly idleMs: number },
): pg.Pool {
  const pool = new pg.Pool({ ...clientConfig(connection), max, idleTimeoutMillis: idleMs })
  pool.on('error', () => undefined)
  // The pool listens to idle clients only; one that is in use may break between two statements.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** Runs with a connection that is thrown away after any failure: its state is unknown then. */
export async function withConnection<T>(
  pool: pg.Pool,
  run: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  try {
    const result = await run(client)
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Everything that is not already a verdict of ours: the database did not do what we asked. */
export function unavailable(cause: unknown): CredctlError {
  if (isCredctlError(cause)) return cause
  return new CredctlError('ledger_unavailable', 'the ledger cannot be reached or does not answer', {
    hint: 'try again shortly; nothing was granted',
    cause,
  })
}
