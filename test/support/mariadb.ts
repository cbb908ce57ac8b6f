import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from './vault/bao.ts'

const run = promisify(execFile)

/** Are a MariaDB server and its client on `PATH`? */
export function hasMariadb(): boolean {
  try {
    for (const program of ['mariadbd', 'mariadb', 'mariadb-install-db']) {
      execFileSync('which', [program], { stdio: 'ignore' })
    }
    return true
  } catch {
    return false
  }
}

export interface MariadbLogin {
  readonly user: string
  readonly password: string
}

/** What became of statements: their rows, tab-separated, or the server's error number. */
export interface Ran {
  readonly rows: readonly string[]
  readonly error: number | undefined
}

export interface TestMariadb {
  readonly host: string
  readonly port: number
  root(sql: string): Promise<Ran>
  as(login: MariadbLogin, sql: string): Promise<Ran>
  close(): Promise<void>
}

/** A server with storage of its own on a free loopback port. The caller closes it. */
export async function startMariadb(): Promise<TestMariadb> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-mariadb-'))
  const { username } = userInfo()
  const own = ['--no-defaults', `--user=${username}`, `--datadir=${join(directory, 'data')}`]
  const port = await freePort()
  const socket = join(directory, 'socket')
  const normal = '--auth-root-authentication-method=normal'
  await run('mariadb-install-db', [...own, normal, '--skip-test-db'])
  const place = ['--bind-address=127.0.0.1', `--port=${port}`, `--socket=${socket}`]
  const pid = `--pid-file=${join(directory, 'pid')}`
  const server = spawn('mariadbd', [...own, ...place, pid], { stdio: 'ignore' })
  const client = (flags: readonly string[], sql: string, env = {}) => {
    // Errors by number: words differ by version.
    const options = { env: { PATH: process.env['PATH'], ...env }, timeout: 60_000 }
    const argv = ['--no-defaults', '--skip-column-names', ...flags, '--execute', sql]
    return run('mariadb', argv, options).then(ranWell, ranBadly)
  }
  const root = (sql: string) => client(['--user=root', `--socket=${socket}`], sql)
  const close = async () => {
    await stopped(server)
    await rm(directory, { recursive: true, force: true })
  }
  for (let tries = 0; (await root('SELECT 1')).error !== undefined; tries += 1) {
    if (tries < 200) await pause(50)
    else {
      await close()
      throw new Error('the MariaDB of the test does not answer')
    }
  }
  const as = ({ user, password }: MariadbLogin, sql: string) => {
    const flags = [`--user=${user}`, '--host=127.0.0.1', `--port=${port}`, '--protocol=tcp']
    return client(flags, sql, { MYSQL_PWD: password })
  }
  return { host: '127.0.0.1', port, root, as, close }
}

function ranWell({ stdout }: { stdout: string }): Ran {
  return { rows: stdout.split('\n').filter((line) => line !== ''), error: undefined }
}

function ranBadly(failure: unknown): Ran {
  const { stdout = '', stderr = '' } = failure as { stdout?: string; stderr?: string }
  const number = /^ERROR (\d+)/m.exec(stderr)?.[1]
  return { ...ranWell({ stdout }), error: Number(number ?? 0) }
}

async function stopped(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return
  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  await ended
}
