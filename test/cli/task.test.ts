import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { Line } from '../support/line.ts'
import { testPostgres } from '../support/postgres.ts'
import { unlimitedScopes } from '../support/unlimited.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
let scopes = ''
let home = ''
let env: Record<string, string> = {}

const TASK = ['--scope', 'backfill-order-totals', '--env', 'staging', '--param', 'ticket=ORD-1']

beforeAll(async () => {
  scopes = await unlimitedScopes()
  broker = await testBroker(postgres, { scopes })
})
afterAll(async () => {
  await broker?.close()
  await rm(scopes, { recursive: true, force: true })
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-task-'))
  const file = join(home, 'identity')
  await writeFile(file, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: file, XDG_RUNTIME_DIR: home }
})
afterEach(async () => {
  await expect.poll(remains, { timeout: 15_000 }).toEqual({ files: [], live: 0 })
  await rm(home, { recursive: true, force: true })
})

const tasks = () => join(home, 'credctl', 'tasks')

async function remains() {
  const ledger = postgres.pool(broker.ledgerDatabase)
  const { rows } = await ledger.query(
    'SELECT count(*)::int AS count FROM credctl_ledger.grants WHERE ended IS NULL',
  )
  return { files: await readdir(tasks()).catch(() => []), live: rows[0].count }
}

function credctl(...argv: string[]) {
  return runCredctl(argv, { cwd: home, env })
}

async function start(...more: string[]): Promise<string> {
  const { status, stdout, stderr } = await credctl('task', 'start', ...TASK, ...more)
  expect(status, stderr).toBe(0)
  return stdout.trim()
}

/** The process that holds a task. */
async function holderOf(id: string): Promise<number> {
  return JSON.parse(await readFile(join(tasks(), id, 'task.json'), 'utf8')).pid
}

test('a task stays for commands that come and go, until it is ended', async () => {
  const id = await start()
  expect(id).toMatch(/^[0-9A-Z]{26}$/)
  for (const word of ['one', 'two']) {
    const { status, stdout } = await credctl(
      'exec',
      '--grant',
      id,
      '--',
      'sh',
      '-c',
      `echo ${word} $PGUSER`,
    )
    expect([status, stdout]).toEqual([0, expect.stringMatching(new RegExp(`^${word} cbg_`))])
  }
  const ended = await credctl('task', 'end', id)
  expect([ended.status, ended.stdout]).toEqual([
    0,
    expect.stringMatching(/orders-db: (gone|pending)/),
  ])
  const again = await credctl('task', 'end', id)
  expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('is held here')])
})

test('says for programs what it may reach, and nothing secret', async () => {
  const { stdout } = await credctl('task', 'start', ...TASK, '--output', 'json')
  const value = JSON.parse(stdout)
  expect(Object.keys(value)).toEqual([
    'grant',
    'scope',
    'environment',
    'expires_at',
    'targets',
    'blast_radius',
  ])
  const ended = await credctl('task', 'end', value.grant, '--output', 'json')
  expect(JSON.parse(ended.stdout).revocations.length).toBe(1)
})

describe('a shell', () => {
  test('that reads the file finds the credentials, loses its own, and sees no secret', async () => {
    const file = join(home, 'shell-env')
    env = { ...env, AWS_PROFILE: 'admin', PGPASSWORD: 'hunter2', GITHUB_TOKEN: 'ghp_x' }
    const id = await start('--shell-file', file)
    const text = await readFile(file, 'utf8')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const directory = join(tasks(), id)
    for (const name of ['pgpass', 'endpoint-token']) {
      const secret =
        (await readFile(join(directory, name), 'utf8')).trim().split(/[: ]/).at(-1) ?? ''
      expect(secret.length).toBeGreaterThan(20)
      expect(text).not.toContain(secret)
    }
    const script = `. '${file}'; echo "\${AWS_PROFILE-none} \${PGPASSWORD-none} \${GITHUB_TOKEN-none} $CREDCTL_GRANT $PGUSER"`
    const printed = execFileSync('sh', ['-c', script], { encoding: 'utf8', env })
    expect(printed).toMatch(new RegExp(`^none none none ${id} cbg_`))
    await credctl('task', 'end', id)
  })
})

describe('a task ends', () => {
  test('when the process that holds it is asked to stop', async () => {
    const id = await start()
    process.kill(await holderOf(id), 'SIGTERM')
    await expect.poll(remains, { timeout: 10_000 }).toEqual({ files: [], live: 0 })
    const { status, stderr } = await credctl('exec', '--grant', id, '--', 'true')
    expect([status, stderr]).toEqual([1, expect.stringContaining('is held here')])
  })

  test('when that process is killed', async () => {
    process.kill(await holderOf(await start()), 'SIGKILL')
    await expect.poll(remains, { timeout: 10_000 }).toEqual({ files: [], live: 0 })
  })
})

test('what a machine that lost power left behind is removed with the next task', async () => {
  const place = (name: string) => join(tasks(), name)
  const description = (end: number) => JSON.stringify({ expires_at: new Date(end).toISOString() })
  for (const [name, end] of Object.entries({
    over: Date.now() - 1000,
    live: Date.now() + 60_000,
  })) {
    await mkdir(place(name), { recursive: true, mode: 0o700 })
    await chmod(tasks(), 0o700)
    await writeFile(join(place(name), 'task.json'), description(end), { mode: 0o600 })
    await writeFile(join(place(name), 'pgpass'), 'secret', { mode: 0o600 })
  }
  const id = await start()
  expect((await readdir(tasks())).sort()).toEqual([id, 'live'].sort())
  await rm(place('live'), { recursive: true })
  await credctl('task', 'end', id)
})

describe('exec --grant refuses', () => {
  test.each([
    ['a name that is no id', ['--grant', '../../etc'], 1, 'no task "../../etc" is held here'],
    ['a task of nobody', ['--grant', '01ARZ3NDEKTSV4RRFFQ69G5FAV'], 1, 'is held here'],
    [
      'a scope beside it',
      ['--grant', '01ARZ3NDEKTSV4RRFFQ69G5FAV', '--scope', 's'],
      2,
      'stands alone',
    ],
    [
      'a DATABASE_URL',
      ['--grant', '01ARZ3NDEKTSV4RRFFQ69G5FAV', '--database-url'],
      2,
      'stands alone',
    ],
  ])('%s', async (_what, argv, status, message) => {
    const outcome = await credctl('exec', ...argv, '--', 'true')
    expect(outcome.stderr).toContain(message)
    expect(outcome.status).toBe(status)
  })

  test('a task whose process is gone, although its files are there', async () => {
    const id = await start()
    const description = join(tasks(), id, 'task.json')
    const text = await readFile(description, 'utf8')
    await credctl('task', 'end', id)
    await mkdir(join(tasks(), id), { mode: 0o700 })
    await writeFile(description, text, { mode: 0o600 })
    const token = JSON.parse(text).environment.CREDCTL_ENDPOINT_TOKEN_FILE
    await writeFile(token, 'Bearer x', { mode: 0o600 })
    const { status, stderr } = await credctl('exec', '--grant', id, '--', 'true')
    expect([status, stderr]).toEqual([1, expect.stringContaining(`task ${id} is over`)])
    await rm(join(tasks(), id), { recursive: true })
  })

  test('a task that others could have written', async () => {
    const id = await start()
    await chmod(join(tasks(), id, 'task.json'), 0o666)
    const { status, stderr } = await credctl('exec', '--grant', id, '--', 'true')
    expect([status, stderr]).toEqual([2, expect.stringContaining('not private to you')])
    await chmod(join(tasks(), id, 'task.json'), 0o600)
    await credctl('task', 'end', id)
  })
})

test('a process that is asked to stop goes, and its task ends, also while the broker is away', async () => {
  const line = await Line.to(Number(new URL(broker.url).port))
  env = { ...env, CREDCTL_BROKER: line.url }
  const pid = await holderOf(await start())
  line.cut(true)
  process.kill(pid, 'SIGTERM')
  const isThere = () => existsSync(`/proc/${pid}`)
  if (process.platform === 'linux') await expect.poll(isThere, { timeout: 10_000 }).toBe(false)
  line.cut(false)
  await expect.poll(remains, { timeout: 15_000 }).toEqual({ files: [], live: 0 })
  await line.close()
})
