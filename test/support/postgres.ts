import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { serverAccount } from '../../src/embedded/account.ts'
import { findBinaries } from '../../src/embedded/binaries.ts'
import { type EmbeddedServer, startEmbedded } from '../../src/embedded/embedded.ts'
import { takeLock } from '../../src/embedded/lock.ts'
import { stopOrphan } from '../../src/embedded/server.ts'

/** A throw-away PostgreSQL of one test file. Everything on it is superuser's. */
export interface TestPostgres {
  readonly server: EmbeddedServer
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** The one pool of the superuser on a database; closed with the server. */
  pool(database?: string): pg.Pool
  /** Connected client of any user; closed with the server. */
  client(options?: pg.ClientConfig): Promise<pg.Client>
  /** Makes an empty database and gives its name, made unique from `prefix`. */
  database(prefix?: string): Promise<string>
}

/** Without fsync a start takes 40 ms; durability tests switch it on. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/**
 * One line at the top of a test file (or of a `describe`): starts a server before its tests and
 * stops it after them, also when they fail. Read the returned object inside tests only.
 */
export function testPostgres(settings: Record<string, string> = FAST): TestPostgres {
  const started: { postgres?: TestPostgres; close?: () => Promise<void> } = {}
  beforeAll(async () => {
    Object.assign(started, await startTestPostgres(settings))
  })
  afterAll(async () => {
    await started.close?.()
  })
  const current = () => {
    if (started.postgres === undefined) throw new Error('testPostgres is ready inside tests only')
    return started.postgres
  }
  return {
    get server() {
      return current().server
    },
    get host() {
      return current().host
    },
    get port() {
      return current().port
    },
    get user() {
      return current().user
    },
    get password() {
      return current().password
    },
    pool: (database) => current().pool(database),
    client: (options) => current().client(options),
    database: (prefix) => current().database(prefix),
  }
}

/** For benchmarks and scripts, which have no hooks: the caller closes. */
export async function startTestPostgres(
  settings: Record<string, string> = FAST,
): Promise<{ postgres: TestPostgres; close: () => Promise<void> }> {
  await removeAbandoned()
  const directory = await scratch()
  const home = join(directory, 'server')
  // `cp` keeps the server account as owner, which Node's own copy does not.
  await promisify(execFile)('cp', ['-a', await template(), home])
  const server = await startEmbedded({ directory: home, settings })
  const open: { end(): Promise<void> }[] = []
  const close = async () => {
    await Promise.allSettled(open.map((each) => each.end()))
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
  return { postgres: connectTo(server, open), close }
}

function connectTo(server: EmbeddedServer, open: { end(): Promise<void> }[]): TestPostgres {
  const { host, port } = server
  const { user } = server.superuser
  const password = server.superuser.password.reveal()
  const admin = { host, port, user, password, database: 'postgres' }
  let databases = 0
  const pools = new Map<string, pg.Pool>()
  const pool = (database = 'postgres') => {
    const known = pools.get(database)
    if (known !== undefined) return known
    const made = new pg.Pool({ ...admin, database, max: 4 })
    made.on('error', () => undefined)
    open.push(made)
    pools.set(database, made)
    return made
  }
  const client = async (options: pg.ClientConfig = {}) => {
    const made = new pg.Client({ ...admin, ...options })
    made.on('error', () => undefined)
    open.push(made)
    await made.connect()
    return made
  }
  const database = async (prefix = 'test') => {
    databases += 1
    const name = `${prefix}_${databases}`
    const connection = new pg.Client(admin)
    await connection.connect()
    try {
      // `file_copy` is several times faster than writing the copy through the log.
      await connection.query(`CREATE DATABASE ${pg.escapeIdentifier(name)} STRATEGY file_copy`)
    } finally {
      await connection.end()
    }
    return name
  }
  return { server, ...admin, pool, client, database }
}

/** initdb takes half a second, copying its result a tenth: made once for each major version. */
async function template(): Promise<string> {
  const { major } = await findBinaries(await serverAccount())
  const path = join(tmpdir(), `credctl-template-${major}-${process.getuid?.() ?? 0}`)
  if (await exists(path)) return path
  const directory = await scratch()
  try {
    const home = join(directory, 'server')
    const initdb = ['--wal-segsize=1', '--no-sync', '--no-data-checksums']
    const server = await startEmbedded({ directory: home, settings: FAST, initdb })
    await server.stop()
    // Several test files start at once: whoever is first names the template.
    await rename(home, path).catch(() => undefined)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  return path
}

/** The server's account must be able to enter, unlike other temporary directories. */
async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-postgres-'))
  await chmod(directory, 0o711)
  return directory
}

const ABANDONED_MS = 15 * 60_000

/** Servers of test runs that were killed. */
async function removeAbandoned(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith('credctl-postgres-'))
  for (const directory of names.map((name) => join(tmpdir(), name))) {
    const stats = await stat(directory).catch(() => undefined)
    if (stats === undefined || Date.now() - stats.mtimeMs < ABANDONED_MS) continue
    // Refused while its test file still runs.
    const lock = await takeLock(join(directory, 'server', 'lock')).catch(() => undefined)
    if (lock === undefined) continue
    await stopOrphan(join(directory, 'server', 'data'))
    await rm(directory, { recursive: true, force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
