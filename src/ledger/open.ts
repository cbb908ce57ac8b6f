import { createHash } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { type Clock, systemRandom } from '../clock.ts'
import type { Config, LedgerDatabase } from '../config.ts'
import { type EmbeddedServer, startEmbedded } from '../embedded/embedded.ts'
import { parsePrivateKey } from '../secret/private-key.ts'
import type { ResolveSecret } from '../secret/resolve.ts'
import { createLoginSecret } from '../secret/scram.ts'
import type { Secret } from '../secret/secret.ts'
import { keptKey } from './keys.ts'
import { createSigner, parseVkey, type Signer, type Verifier } from './note.ts'
import { clientConfig, type LedgerConnection } from './postgres/connection.ts'
import { PostgresLedger, type PostgresLedgerOptions } from './postgres/ledger.ts'
import { checkSchema, migrate } from './postgres/migrate.ts'
import { type Remembered, rememberedIn } from './remembered.ts'

/** PEMs of the broker's two signing keys. */
export interface SigningKeys {
  readonly log: Secret<string>
  readonly token: Secret<string>
  /** Keys of grant tokens that no longer sign; the newest first. */
  readonly formerTokens: readonly Secret<string>[]
}

export interface OpenLedger {
  readonly ledger: PostgresLedger
  readonly signer: Signer
  readonly keys: SigningKeys
  /** Public keys of the log: the present one, those before it, and the next one. */
  readonly logKeys: readonly [Verifier, ...Verifier[]]
  readonly remembered: Remembered
  /** Closes the ledger, and the embedded server when there is one. */
  close(): Promise<void>
}

/**
 * Opens the ledger that the configuration names, or starts credctl's own under `state`. An external
 * one must have been migrated; our own is migrated here. Errors: those of `PostgresLedger.open`,
 * `unavailable` when the embedded server does not start, `secret_unresolvable`.
 */
export async function openLedger(
  config: Config,
  { clock, resolve }: { readonly clock: Clock; readonly resolve: ResolveSecret },
): Promise<OpenLedger> {
  const keys = await signingKeys(config, resolve)
  const signer = createSigner(config.origin, parsePrivateKey(keys.log, 'the key of the log'))
  const remembered = rememberedIn(
    join(config.state, 'log', `${fileName(config.origin)}.checkpoint`),
  )
  // Replicas change keys one after another: checkpoints of the next one are right already.
  const { former_log: former = [], next_log: next } = config.keys ?? {}
  const formerKeys = [...former, ...(next === undefined ? [] : [next])].map(parseVkey)
  const { commit } = config.privacy
  const options = { signer, formerKeys, clock, remembered, commit }
  const logKeys = [parseVkey(signer.vkey), ...formerKeys] as const
  const known = { signer, keys, logKeys, remembered }
  if (config.ledger !== undefined) {
    const connection = await connectionOf(config.ledger, resolve)
    const ledger = await PostgresLedger.open({ connection, ...options })
    return { ...known, ledger, close: () => ledger.close() }
  }
  const server = await startEmbedded({ directory: join(config.state, 'ledger') })
  try {
    const ledger = await openEmbedded(server, options)
    const close = async () => {
      await ledger.close()
      await server.stop()
    }
    return { ...known, ledger, close }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** An origin is a path; its file is not. */
function fileName(origin: string): string {
  return createHash('sha256').update(origin).digest('hex').slice(0, 32)
}

/** Migrates an external ledger with its owner's login. Gives the number of steps taken. */
export async function migrateLedger(database: LedgerDatabase, resolve: ResolveSecret) {
  const owner = { ...database, ...database.owner }
  return await connected(await connectionOf(owner, resolve), (client) =>
    migrate(client, database.user),
  )
}

/**
 * Looks at an external ledger as the running broker would, and writes nothing. Errors: those of
 * `checkSchema`, `secret_unresolvable`, and the driver's own.
 */
export async function checkLedger(database: LedgerDatabase, resolve: ResolveSecret): Promise<void> {
  await connected(await connectionOf(database, resolve), checkSchema)
}

/** The keys that the configuration names; without it, keys of our own under `state`. */
export async function signingKeys(config: Config, resolve: ResolveSecret): Promise<SigningKeys> {
  if (config.keys !== undefined) {
    const { log, token, former_token: former = [] } = config.keys
    const formerTokens = await Promise.all(former.map((each) => resolve(each)))
    return { log: await resolve(log), token: await resolve(token), formerTokens }
  }
  const directory = join(config.state, 'keys')
  const kept = { log: await keptKey(directory, 'log'), token: await keptKey(directory, 'token') }
  return { ...kept, formerTokens: [] }
}

async function connectionOf(
  database: Pick<LedgerDatabase, 'host' | 'port' | 'database' | 'tls' | 'ca' | 'user' | 'password'>,
  resolve: ResolveSecret,
): Promise<LedgerConnection> {
  const { host, port, database: name, user, tls, ca } = database
  const authority = ca === undefined ? undefined : (await resolve(ca)).reveal()
  return {
    host,
    port,
    database: name,
    user,
    password: () => resolve(database.password),
    tls: tls === 'disable' ? undefined : { ca: authority },
  }
}

const OWN_DATABASE = 'credctl'
const RUNTIME = 'credctl_ledger'

/**
 * The running broker does not use the superuser either: its role can only read and append, and its
 * password is new at every start and known to this process alone.
 */
async function openEmbedded(
  server: EmbeddedServer,
  options: Omit<PostgresLedgerOptions, 'connection'>,
): Promise<PostgresLedger> {
  const { host, port, superuser } = server
  const at = { host, port, tls: undefined }
  const root = { ...at, user: superuser.user, password: async () => superuser.password }
  const { password, verifier } = await createLoginSecret(systemRandom)
  await connected({ ...root, database: 'postgres' }, (client) => createOwn(client, verifier))
  await connected({ ...root, database: OWN_DATABASE }, (client) => migrate(client, RUNTIME))
  const runtime = { user: RUNTIME, password: async () => password }
  const connection = { ...at, database: OWN_DATABASE, ...runtime }
  return await PostgresLedger.open({ connection, ...options })
}

async function createOwn(client: pg.Client, verifier: string): Promise<void> {
  const role = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [RUNTIME])
  const create = role.rowCount === 0 ? 'CREATE' : 'ALTER'
  // DDL takes no parameters; the verifier's alphabet is checked where it is made.
  await client.query(`${create} ROLE ${RUNTIME} LOGIN NOSUPERUSER PASSWORD '${verifier}'`)
  const database = await client.query('SELECT FROM pg_database WHERE datname = $1', [OWN_DATABASE])
  if (database.rowCount === 0) await client.query(`CREATE DATABASE ${OWN_DATABASE}`)
}

async function connected<T>(
  connection: LedgerConnection,
  run: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(clientConfig(connection))
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}
