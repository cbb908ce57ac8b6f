import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
/** Prints the status that the endpoint answers with. */
const ASK = `"${process.execPath}" "${join(import.meta.dirname, 'endpoint.ts')}"`
const BIN = join(import.meta.dirname, '../../bin/credctl.js')

beforeAll(async () => {
  scopes = await unlimitedScopes()
  broker = await testBroker(postgres, { scopes })
  home = await mkdtemp(join(tmpdir(), 'credctl-hostile-'))
  const file = join(home, 'identity')
  await writeFile(file, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: file, TMPDIR: home }
})
afterAll(async () => {
  await broker?.close()
  for (const each of [home, scopes]) await rm(each, { recursive: true, force: true })
})

const exec = (...argv: string[]) => runCredctl(['exec', ...TASK, '--', ...argv], { cwd: home, env })

describe('the command under a grant', () => {
  test('sees no grant token, in no variable and no file that it is given', async () => {
    const look = 'env; cat "$CREDCTL_DIRECTORY"/* 2>/dev/null'
    const { stdout } = await exec('sh', '-c', look)
    expect(stdout).toContain('credential_process')
    expect(stdout).not.toContain('eyJ')
  })

  test('finds the endpoint gone when it outlives the grant', async () => {
    const left = join(home, 'left')
    const script = `export T="$(cat $AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)" U=$AWS_CONTAINER_CREDENTIALS_FULL_URI
      ${ASK}
      (exec >/dev/null 2>&1; sleep 1; ${ASK} > ${left}) &`
    const { status, stdout } = await exec('sh', '-c', script)
    expect([status, stdout]).toEqual([0, '200\n'])
    const said = () => readFile(left, 'utf8').catch(() => '')
    await expect.poll(said, { timeout: 10_000 }).toBe('gone\n')
  })

  test('runs without a terminal, and with nothing on its standard input', async () => {
    const { status, stdout } = await exec('sh', '-c', 'test -t 0 || test -t 1 || cat; echo done')
    expect([status, stdout]).toEqual([0, 'done\n'])
  })

  test('is told once on stderr why AWS calls fail, when the grant was ended meanwhile', async () => {
    const script = `
      const { STSClient } = await import('@aws-sdk/client-sts')
      const { readFileSync } = await import('node:fs')
      const revoke = await fetch(process.env.REVOKE_URL + process.env.CREDCTL_GRANT, {
        method: 'DELETE', headers: { authorization: 'Bearer ' + process.env.REVOKE_AS } })
      console.log(revoke.status)
      await new STSClient({}).config.credentials().catch((error) => console.log(error.name))`
    const file = join(import.meta.dirname, `../../.revoke-${process.pid}.mjs`)
    await writeFile(file, script)
    const operator = await broker.issuers.person({ sub: 'operator', role: 'platform-operator' })
    const more = { REVOKE_URL: `${broker.url}/v1/grants/`, REVOKE_AS: operator }
    const { stdout, stderr } = await runCredctl(['exec', ...TASK, '--', process.execPath, file], {
      cwd: home,
      env: { ...env, ...more },
    }).finally(() => rm(file))
    expect(stdout).toBe('200\nCredentialsProviderError\n')
    expect(stderr.match(/no AWS credential/g)).toHaveLength(1)
  })
})

test('two commands in one directory do not see each other', async () => {
  const print = ['sh', '-c', 'echo $CREDCTL_DIRECTORY $CREDCTL_ENDPOINT; sleep 0.3']
  const outcomes = await Promise.all([exec(...print), exec(...print)])
  const words = outcomes.flatMap(({ stdout }) => stdout.trim().split(' '))
  expect(new Set(words).size).toBe(4)
})

test('a broker that restarts meanwhile does not end the command or its credentials', async () => {
  const replica = await broker.replica()
  const script = `${ASK}; read line; ${ASK}`
  const child = spawn(process.execPath, [BIN, 'exec', ...TASK, '--', 'sh', '-c', script], {
    cwd: home,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      ...env,
      CREDCTL_BROKER: `http://127.0.0.1:${replica.port}`,
    },
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  await expect.poll(() => text, { timeout: 10_000 }).toBe('200\n')
  await replica.close()
  child.stdin.end('go\n')
  await ended
  expect(text).toBe('200\n200\n')
})

const canBecomeSomebody = process.getuid?.() === 0

test.skipIf(!canBecomeSomebody)('another user of the machine gets nothing', async () => {
  await chmod(home, 0o755)
  const look = `
    const { execFileSync } = require('node:child_process')
    const nobody = { uid: 65534, gid: 65534, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
    const tried = (file, ...args) => {
      try { return execFileSync(file, args, nobody) } catch { return 'refused' }
    }
    const url = process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI
    console.log(JSON.stringify([
      tried('cat', process.env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE),
      tried('cat', process.env.PGPASSFILE),
      tried('ls', process.env.CREDCTL_DIRECTORY),
      tried('cat', '/proc/' + process.pid + '/environ'),
      tried(process.execPath, '-e', 'fetch("' + url + '").then((answer) => console.log(answer.status))').trim(),
    ]))`
  const { stdout } = await exec(process.execPath, '-e', look)
  const [status, ...files] = JSON.parse(stdout).reverse()
  expect(files).toEqual(['refused', 'refused', 'refused', 'refused'])
  // Where nobody may run this Node.js, nobody can ask.
  expect(['401', 'refused']).toContain(status)
})
