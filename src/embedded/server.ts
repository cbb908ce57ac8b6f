import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CredctlError } from '../errors.ts'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { SERVER_ENVIRONMENT } from './cluster.ts'
import type { Home } from './home.ts'
import { anyoneIn, identify, servesDirectory, signal, waitForEnd } from './process.ts'

const START_MS = 60_000
const STOP_MS = 20_000
const MAX_LOG_BYTES = 8 * 1024 * 1024
const PORT_TRIES = 5

/** Small and quiet; statements never reach the log, because they may hold password verifiers. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  shared_buffers: '32MB',
  max_wal_senders: '0',
  wal_level: 'minimal',
  jit: 'off',
  log_min_error_statement: 'panic',
  log_statement: 'none',
}

interface Launch {
  readonly home: Home
  readonly binaries: Binaries
  readonly account: Account | undefined
  readonly port?: number
  readonly settings?: Readonly<Record<string, string>>
}

interface Launched {
  readonly port: number
  readonly pid: number
  readonly exited: Promise<void>
  stop(): Promise<void>
}

/** Starts the server and waits until it accepts connections. */
export async function launch(options: Launch): Promise<Launched> {
  const { home, port: wanted = 0 } = options
  for (let tries = 1; ; tries += 1) {
    const port = wanted === 0 ? await freePort() : wanted
    const { child, exited } = await run(options, port)
    if (child.pid !== undefined && (await isReady(home.data, child))) {
      const pid = child.pid
      return { port, pid, exited, stop: () => stop(pid) }
    }
    await exited
    // Between finding a free port and binding it, somebody else may have taken it.
    if (wanted === 0 && tries < PORT_TRIES) continue
    throw new CredctlError('unavailable', `PostgreSQL did not start on 127.0.0.1:${port}`, {
      hint: `its log is ${home.log}`,
      cause: new Error(await lastLines(home.log)),
    })
  }
}

async function run({ home, binaries, account, settings }: Launch, port: number) {
  const all = Object.entries({ ...SETTINGS, port: String(port), ...settings })
  const args = ['-D', home.data, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const log = await openLog(home.log)
  try {
    // A session of its own: Ctrl-C in a terminal is for the broker, which then stops the server.
    const child = spawn(binaries.postgres, args, {
      ...account,
      cwd: '/',
      env: SERVER_ENVIRONMENT,
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    })
    const { promise: exited, resolve } = Promise.withResolvers<void>()
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
    return { child, exited }
  } finally {
    await log.close()
  }
}

/** The last line of postmaster.pid says whether connections are accepted, as pg_ctl reads it. */
async function isReady(data: string, child: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + START_MS
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    const lines = await pidFile(data)
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true
    await pause(5)
  }
  if (child.pid !== undefined) await stop(child.pid)
  return false
}

/** Ends a server whose broker was killed. Leaves alone whatever is not exactly that server. */
export async function stopOrphan(data: string): Promise<void> {
  const pid = Number((await pidFile(data))[0])
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  if (await servesDirectory(pid, data)) return await stop(pid)
  // Left by a crash of the machine: PostgreSQL would take an unrelated process for its own.
  const alive = (await identify(pid)) !== undefined
  if (alive && !(await anyoneIn(data))) await rm(join(data, 'postmaster.pid'), { force: true })
}

async function stop(pid: number): Promise<void> {
  signal(pid, 'SIGINT')
  if (await waitForEnd(pid, STOP_MS)) return
  // Immediate shutdown: nothing committed is lost, the next start replays the log.
  signal(pid, 'SIGQUIT')
  if (await waitForEnd(pid, STOP_MS)) return
  throw new CredctlError('unavailable', `PostgreSQL (process ${pid}) does not stop`)
}

async function pidFile(data: string): Promise<string[]> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  return text.split('\n')
}

async function openLog(path: string) {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  )
  return await open(path, size > MAX_LOG_BYTES ? 'w' : 'a', 0o600)
}

async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.slice(-2000)
}

async function freePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  await new Promise((done) => server.close(done))
  return typeof address === 'object' && address !== null ? address.port : 0
}
