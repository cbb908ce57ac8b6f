import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { unlimitedScopes } from '../support/unlimited.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
let scopes = ''
let home = ''
let env: Record<string, string> = {}

const TASK = ['--scope', 'backfill-order-totals', '--env', 'staging', '--param', 'ticket=ORD-1']
const CALL = ['aws-credentials', '--target', 'exports', ...TASK]
const BIN = join(import.meta.dirname, '../../bin/credctl.js')

beforeAll(async () => {
  scopes = await unlimitedScopes()
  broker = await testBroker(postgres, { scopes })
})
afterAll(async () => {
  await broker?.close()
  await rm(scopes, { recursive: true, force: true })
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-aws-'))
  const file = join(home, 'identity')
  await writeFile(file, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: file, XDG_RUNTIME_DIR: home }
})
afterEach(() => rm(home, { recursive: true, force: true }))

const kept = () => join(home, 'credctl', 'aws-credentials')

function call(argv: readonly string[] = CALL, more: Record<string, string> = {}) {
  return runCredctl(argv, { cwd: home, env: { ...env, ...more } })
}

async function credential(argv?: readonly string[]) {
  const { status, stdout, stderr } = await call(argv)
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

async function keptFile(suffix: string): Promise<string> {
  const name = (await readdir(kept())).find((each) => each.endsWith(suffix))
  return join(kept(), name ?? 'none')
}

async function grants(): Promise<number> {
  const ledger = postgres.pool(broker.ledgerDatabase)
  const { rows } = await ledger.query('SELECT count(*)::int AS count FROM credctl_ledger.grants')
  return rows[0].count
}

describe('credential_process of a profile, without exec', () => {
  test('prints what AWS SDKs read, and the same again until it is about to expire', async () => {
    const before = await grants()
    const first = await credential()
    expect(first).toEqual({
      Version: 1,
      AccessKeyId: expect.stringMatching(/^ASIA/),
      SecretAccessKey: expect.any(String),
      SessionToken: expect.any(String),
      Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    expect(await credential()).toEqual(first)
    expect(await grants()).toBe(before + 1)
  })

  test('works from the default chain of the unmodified SDK', async () => {
    const config = join(home, 'config')
    const command = [process.execPath, BIN, ...CALL].map((word) => `"${word}"`).join(' ')
    await writeFile(
      config,
      `[profile task]\nregion = eu-central-1\ncredential_process = ${command}\n`,
    )
    const script = `
      import { STSClient } from '@aws-sdk/client-sts'
      const { accessKeyId } = await new STSClient({ profile: 'task' }).config.credentials()
      console.log(accessKeyId)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../..'),
      env: { PATH: process.env['PATH'] ?? '', HOME: home, ...env, AWS_CONFIG_FILE: config },
    })
    let text = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk
    expect(text).toMatch(/^ASIA/)
  })

  test('asked by many at once, starts one grant and mints one credential', async () => {
    const before = await grants()
    const sessions = broker.sts.sessions.length
    const answers = await Promise.all(Array.from({ length: 12 }, () => credential()))
    expect(new Set(answers.map(({ SecretAccessKey }) => SecretAccessKey)).size).toBe(1)
    expect(await grants()).toBe(before + 1)
    expect(broker.sts.sessions.length).toBe(sessions + 1)
  })

  test.each([
    ['another parameter', [...CALL.slice(0, -1), 'ticket=ORD-2']],
    ['another intent', [...CALL, '--intent', 'something else']],
  ])('gives %s a grant of its own', async (_what, argv) => {
    const before = await grants()
    const first = await credential()
    expect(await credential(argv)).not.toEqual(first)
    expect(await grants()).toBe(before + 2)
  })

  test('gives another identity a grant of its own', async () => {
    const first = await credential()
    const file = join(home, 'other')
    await writeFile(file, await broker.issuers.agent({ sub: 'agent-8', team: 'orders' }))
    expect(await credential([...CALL, '--identity-token-file', file])).not.toEqual(first)
  })

  test('is kept where this user alone can read, and nowhere else', async () => {
    const { SecretAccessKey } = await credential()
    const names = await readdir(kept())
    expect(names.map((name) => name.replace(/^.*\./, '')).sort()).toEqual(['credential', 'grant'])
    expect((await stat(kept())).mode & 0o777).toBe(0o700)
    for (const name of names) expect((await stat(join(kept(), name))).mode & 0o777).toBe(0o600)
    expect(await readFile(await keptFile('.credential'), 'utf8')).toContain(SecretAccessKey)
    expect(names.join()).not.toMatch(/backfill|staging|exports/)
  })

  test('is never given past its expiry', async () => {
    const first = await credential()
    const file = await keptFile('.credential')
    const text = await readFile(file, 'utf8')
    const Expiration = new Date(Date.now() - 1000).toISOString()
    const changed = { ...JSON.parse(text), renewAt: Date.now() - 1000 }
    await writeFile(file, JSON.stringify({ ...changed, output: { ...first, Expiration } }))
    // The broker still has it: what counts is its word, not what is kept.
    expect((await credential()).Expiration).toBe(first.Expiration)
    await writeFile(file, JSON.stringify({ ...changed, output: { ...first, Expiration } }))
    await rm(await keptFile('.grant'))
    await writeFile(env['CREDCTL_IDENTITY_TOKEN_FILE'] ?? '', 'not.a.token')
    expect((await call()).stdout).toBe('')
  })

  test('begins a new grant when its own was ended', async () => {
    const first = await credential()
    const { id, token } = JSON.parse(await readFile(await keptFile('.grant'), 'utf8'))
    const headers = { authorization: `Bearer ${token}` }
    await fetch(`${broker.url}/v1/grants/${id}`, { method: 'DELETE', headers })
    await rm(await keptFile('.credential'))
    expect(await credential()).not.toEqual(first)
  })

  test('starts over from files that are not ours', async () => {
    await credential()
    for (const suffix of ['.credential', '.grant']) await writeFile(await keptFile(suffix), '{"x":')
    expect((await credential()).Version).toBe(1)
  })

  test('does not wait for a call that was killed', async () => {
    await credential()
    const file = await keptFile('.credential')
    await rm(file)
    // The number of a process that is gone.
    const gone = spawn('true')
    await new Promise((resolve) => gone.once('exit', resolve))
    const lock = (await keptFile('.grant')).replace(/grant$/, 'lock')
    await writeFile(lock, String(gone.pid))
    expect((await credential()).Version).toBe(1)
    expect((await readdir(kept())).filter((name) => name.endsWith('.lock'))).toEqual([])
  })
})

describe('it refuses', () => {
  test('a place that others can read or write', async () => {
    await mkdir(kept(), { recursive: true })
    await chmod(kept(), 0o755)
    const { status, stdout, stderr } = await call()
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain('is not private to you')
  })

  test('a kept credential that others can read', async () => {
    await credential()
    await chmod(await keptFile('.credential'), 0o644)
    const { status, stdout } = await call()
    expect([status, stdout]).toEqual([2, ''])
  })

  test.each([
    ['half a task', ['aws-credentials', '--target', 'exports', '--scope', 's'], {}, 'together'],
    ['a task within a task', CALL, { CREDCTL_GRANT: '01J' }, 'already runs under grant'],
    ['no task and no exec', ['aws-credentials', '--target', 'exports'], {}, 'there is no grant'],
    ['a parameter given twice', [...CALL, '--param', 'ticket=X-1'], {}, 'more than once'],
  ])('%s', async (_what, argv, more, message) => {
    const { status, stdout, stderr } = await call(argv, more)
    expect(stderr).toContain(message)
    expect([status, stdout]).toEqual([2, ''])
  })

  test('what the broker refuses, with its reasons and nothing on stdout', async () => {
    const argv = CALL.map((word) => (word === 'staging' ? 'prod' : word))
    const { status, stdout, stderr } = await call(argv)
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toContain('environment_not_in_scope')
    expect(stderr).not.toContain('eyJ')
  })

  test('a target that is no AWS account', async () => {
    const argv = CALL.map((word) => (word === 'exports' ? 'orders-db' : word))
    const { status, stdout } = await call(argv)
    expect([status, stdout]).toEqual([1, ''])
  })
})
