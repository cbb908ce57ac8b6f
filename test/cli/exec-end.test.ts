import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { Line } from '../support/line.ts'
import { testPostgres } from '../support/postgres.ts'

const postgres = testPostgres()
let broker: TestBroker
let line: Line
let home = ''
let env: Record<string, string> = {}

const TASK = ['--scope', 'backfill-order-totals', '--env', 'staging', '--param', 'ticket=ORD-1']
const BIN = join(import.meta.dirname, '../../bin/credctl.js')

beforeAll(async () => {
  broker = await testBroker(postgres)
  line = await Line.to(Number(new URL(broker.url).port))
  home = await mkdtemp(join(tmpdir(), 'credctl-end-'))
  const file = join(home, 'identity')
  await writeFile(file, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  env = { CREDCTL_BROKER: line.url, CREDCTL_IDENTITY_TOKEN_FILE: file, TMPDIR: home }
  // Marks every process that belongs to these tests, the watcher too; nothing reads it.
  env['SSL_CERT_DIR'] = home
})
afterAll(async () => {
  await line?.close()
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

/** Starts a command under a grant; `ready` resolves with its first output. */
function start(...argv: readonly string[]) {
  const child = spawn(process.execPath, [BIN, 'exec', ...TASK, '--', ...argv], {
    cwd: home,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const seen = { stderr: '' }
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    seen.stderr += text
  })
  return {
    child,
    seen,
    ready: new Promise((resolve) => child.stdout.once('data', resolve)),
    end: new Promise<string>((resolve) => {
      child.once('exit', (status, signal) => resolve(String(signal ?? status)))
    }),
  }
}
type Run = ReturnType<typeof start>

const shell = (script: string) => ['sh', '-c', script]
/** Ends by itself when nobody ends it. */
const WAITING = shell('echo ready; exec sleep 5')

interface Way {
  readonly command: readonly string[]
  readonly end: string
  readonly act?: (run: Run) => Promise<void> | void
  readonly says?: string
}

const kill = (signal: NodeJS.Signals) => (run: Run) => void run.child.kill(signal)

const WAYS: Readonly<Record<string, Way>> = {
  'it succeeds': { command: shell('exit 0'), end: '0' },
  'it fails': { command: shell('exit 7'), end: '7' },
  'a signal ends it': { command: shell('kill -TERM $$'), end: '143' },
  'it is not there': {
    command: ['no-such-command'],
    end: '127',
    says: 'cannot start "no-such-command": there is no such command',
  },
  'it is no program': { command: ['/etc/passwd'], end: '126', says: 'EACCES' },
  'exec is asked to stop': { command: WAITING, end: '143', act: kill('SIGTERM') },
  'exec is interrupted, and the command takes its time': {
    command: shell('sleep 5 & trap "kill $!; exit 9" INT; echo ready; wait'),
    end: '9',
    act: kill('SIGINT'),
  },
  'the terminal goes away': { command: WAITING, end: '129', act: kill('SIGHUP') },
  'exec is killed': { command: WAITING, end: 'SIGKILL', act: kill('SIGKILL') },
  'an operator revokes the grant meanwhile': {
    command: shell('echo ready; sleep 1; exit 3'),
    end: '3',
    act: async () => await revokeNewest(),
  },
  'the broker is away at the end': {
    command: shell('echo ready; sleep 0.5; exit 4'),
    end: '4',
    says: 'could not be ended',
    act: async (run) => {
      line.cut(true)
      await run.end
      line.cut(false)
    },
  },
  'it leaves a child behind that ignores signals': {
    command: shell('(trap "" TERM HUP INT; exec >/dev/null 2>&1; sleep 3) & exit 5'),
    end: '5',
  },
}

describe('nothing of a grant remains when', () => {
  test.each(Object.entries(WAYS))('%s', async (_what, { command, end, act, says = '' }) => {
    const run = start(...command)
    if (act !== undefined) {
      await run.ready
      await act(run)
    }
    expect(await run.end, run.seen.stderr).toBe(end)
    expect(run.seen.stderr).toContain(says)
    await expect.poll(remains, { timeout: 15_000 }).toEqual(NOTHING)
  })
})

test.skipIf(process.platform !== 'linux')(
  'a command that runs is seen with its watcher',
  async () => {
    const run = start(...WAITING)
    await run.ready
    const seen = (await processes()).join('\n')
    for (const part of ['credctl.js', 'watcher', 'sleep']) expect(seen).toContain(part)
    run.child.kill('SIGTERM')
    await run.end
    await expect.poll(remains, { timeout: 15_000 }).toEqual(NOTHING)
  },
)

test('two commands at once have a grant and files of their own', async () => {
  const print = shell('echo $CREDCTL_GRANT $PGPASSFILE $PGUSER')
  const outputs = await Promise.all(
    [start(...print), start(...print)].map(async (run) => String(await run.ready)),
  )
  const [first = [], second = []] = outputs.map((text) => text.trim().split(' '))
  expect(first).toHaveLength(3)
  expect(first.filter((word) => second.includes(word))).toEqual([])
  await expect.poll(remains, { timeout: 15_000 }).toEqual(NOTHING)
})

test('a command gets through what it prints, to the last byte', async () => {
  const run = start(process.execPath, '-e', "process.stdout.write('x'.repeat(1_000_000))")
  let size = 0
  run.child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length
  })
  expect(await run.end).toBe('0')
  await expect.poll(() => size).toBe(1_000_000)
})

const NOTHING = { files: [], processes: [], logins: 0, sessions: 0, live: 0 }

async function remains() {
  const roles = postgres.pool('postgres')
  const ledger = postgres.pool(broker.ledgerDatabase)
  const logins = await roles.query(
    "SELECT count(*)::int AS count FROM pg_roles WHERE rolname LIKE 'cbg\\_%'",
  )
  const sessions = await roles.query(
    "SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename LIKE 'cbg\\_%'",
  )
  const live = await ledger.query(
    'SELECT count(*)::int AS count FROM credctl_ledger.grants WHERE ended IS NULL',
  )
  const files = (await readdir(home)).filter((name) => name.startsWith('credctl-'))
  return {
    files,
    processes: await processes(),
    logins: logins.rows[0].count,
    sessions: sessions.rows[0].count,
    live: live.rows[0].count,
  }
}

/** Command lines of what still runs, where a system tells: by the mark in their environment. */
async function processes(): Promise<string[]> {
  const names = await readdir('/proc').catch(() => [])
  const lines = names
    .filter((name) => /^\d+$/.test(name))
    .map(async (pid) => {
      const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      if (!environ.split('\0').includes(`SSL_CERT_DIR=${home}`)) return []
      return [await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')]
    })
  return (await Promise.all(lines)).flat()
}

/** By the person that the test broker knows as an operator. */
async function revokeNewest(): Promise<void> {
  const token = await broker.issuers.person({ sub: 'operator', role: 'platform-operator' })
  const headers = { authorization: `Bearer ${token}` }
  const listed = await fetch(`${broker.url}/v1/grants?live=true`, { headers })
  const { grants } = (await listed.json()) as { grants: { id: string }[] }
  const url = `${broker.url}/v1/grants/${grants[0]?.id}`
  const answer = await fetch(url, { method: 'DELETE', headers })
  expect(answer.status).toBe(200)
}
