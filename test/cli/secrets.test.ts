import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { unlimitedScopes } from '../support/unlimited.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
const brokerLog: string[] = []
let broker: TestBroker
let scopes = ''
let home = ''
let identity = ''
let env: Record<string, string> = {}

const TASK = ['--scope', 'backfill-order-totals', '--env', 'staging', '--param', 'ticket=ORD-1']

beforeAll(async () => {
  scopes = await unlimitedScopes()
  const sink = new Writable({
    write(chunk, _encoding, done) {
      brokerLog.push(String(chunk))
      done()
    },
  })
  broker = await testBroker(postgres, { scopes, logger: pino({ level: 'trace' }, sink) })
  home = await mkdtemp(join(tmpdir(), 'credctl-secrets-'))
  identity = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
  const file = join(home, 'identity')
  await writeFile(file, identity)
  env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: file, XDG_RUNTIME_DIR: home }
})
afterAll(async () => {
  await broker?.close()
  for (const each of [home, scopes]) await rm(each, { recursive: true, force: true })
})

const credctl = (...argv: string[]) => runCredctl(argv, { cwd: home, env })

/** Runs under a grant: writes what is secret to one file, and prints what an agent gets to see. */
const LOOK = `
  const { readFileSync, readdirSync, writeFileSync } = require('node:fs')
  const read = (file) => { try { return readFileSync(file, 'utf8') } catch { return '' } }
  const { env, ppid } = process
  const get = async (url, authorization) =>
    (await fetch(url, { headers: { authorization } })).json()
  const main = async () => {
    const endpoint = read(env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)
    const { SecretAccessKey, Token } = await get(env.AWS_CONTAINER_CREDENTIALS_FULL_URI, endpoint)
    const password = read(env.PGPASSFILE).trim().split(':').at(-1)
    writeFileSync(process.argv[1], JSON.stringify(
      { endpoint: endpoint.replace('Bearer ', ''), SecretAccessKey, Token, password }))
    console.log('own environment', JSON.stringify(env))
    console.log("parent's environment", read('/proc/' + ppid + '/environ'))
    for (const pid of readdirSync('/proc').filter((name) => /^\\d+$/.test(name))) {
      console.log('arguments', pid, read('/proc/' + pid + '/cmdline'))
    }
  }
  main()`

async function looked(...exec: string[]) {
  const file = join(home, `secrets-${Math.random()}`)
  const outcome = await credctl('exec', ...exec, '--', process.execPath, '-e', LOOK, file)
  expect(outcome.status, outcome.stderr).toBe(0)
  const secrets: Record<string, string> = JSON.parse(await readFile(file, 'utf8'))
  await rm(file)
  return { seen: [outcome.stdout, outcome.stderr], secrets: Object.values(secrets) }
}

const hasProc = process.platform === 'linux'

test.skipIf(!hasProc)(
  'nothing an agent gets to see holds a secret',
  async () => {
    const seen: string[] = []
    const secrets: string[] = [identity]
    const note = (found: { seen: readonly string[]; secrets: readonly string[] }) => {
      seen.push(...found.seen)
      secrets.push(...found.secrets)
    }
    note(await looked(...TASK))

    const started = await credctl('task', 'start', ...TASK, '--output', 'json')
    const shell = join(home, 'shell')
    const other = await credctl('task', 'start', ...TASK, '--shell-file', shell)
    seen.push(
      started.stdout,
      started.stderr,
      other.stdout,
      other.stderr,
      await readFile(shell, 'utf8'),
    )
    note(await looked('--grant', JSON.parse(started.stdout).grant))
    for (const id of [JSON.parse(started.stdout).grant, other.stdout.trim()]) {
      const { stdout, stderr } = await credctl('task', 'end', id)
      seen.push(stdout, stderr)
    }

    // What fails must not say more than what works.
    const call = ['aws-credentials', '--target', 'exports']
    for (const argv of [
      ['exec', ...TASK.slice(0, 4), '--', 'true'],
      [...call, ...TASK.slice(0, 4)],
      [...call, ...TASK.map((word) => word.replace('staging', 'prod'))],
      ['task', 'end', identity],
      ['exec', '--grant', identity, '--', 'true'],
    ]) {
      const { stdout, stderr } = await credctl(...argv)
      seen.push(...[stdout, stderr].map((text) => text.replaceAll(JSON.stringify(identity), '')))
    }
    const kept = await credctl(...call, ...TASK)
    secrets.push(JSON.parse(kept.stdout).SecretAccessKey)
    seen.push(kept.stderr, brokerLog.join(''))
    const ledger = postgres.pool(broker.ledgerDatabase)
    const { rows } = await ledger.query(
      "SELECT convert_from(body, 'UTF8') AS text FROM credctl_ledger.entries",
    )
    seen.push(...rows.map(({ text }) => text))

    const all = seen.join('\n')
    expect(all).toContain('own environment')
    expect(all).toContain('watcher')
    expect(all).toContain('holder')
    expect(rows.length).toBeGreaterThan(5)
    expect(secrets.length).toBe(10)
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(15)
      expect(all.includes(secret), `a secret of ${secret.length} characters is seen`).toBe(false)
    }
    // Neither does any grant token, whichever it is.
    expect(all).not.toMatch(/eyJ[\w-]{10,}\.eyJ/)
  },
  60_000,
)
