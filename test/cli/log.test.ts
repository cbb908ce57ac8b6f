import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endGrant, fetchCredential, requestGrant } from '../../src/cli/broker/grant.ts'
import { logShowOutput, logVerifyOutput } from '../../src/cli/output/log.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
let home = ''
let vkey = ''
let env: Record<string, string> = {}
let grant = ''

beforeAll(async () => {
  broker = await testBroker(postgres)
  vkey = broker.running.vkey
  home = await mkdtemp(join(tmpdir(), 'credctl-log-'))
  const identity = join(home, 'identity')
  const token = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
  await writeFile(identity, token)
  env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: identity }
  const task = {
    scope: 'backfill-order-totals',
    environment: 'staging',
    intent: 'totals of may',
    parameters: { ticket: 'ORD-1' },
  }
  const held = await requestGrant(broker.url, token, task)
  await fetchCredential(broker.url, held.token, 'orders-db')
  await endGrant(broker.url, held.token, held.id)
  grant = held.id
  const other = { ...task, environment: 'prod' }
  await requestGrant(broker.url, token, other).catch(() => undefined)
})
afterAll(async () => {
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

function credctl(...argv: readonly string[]) {
  return runCredctl(argv, { cwd: home, env })
}

async function entries(...argv: readonly string[]) {
  const { status, stdout, stderr } = await credctl('log', 'show', '--output', 'json', ...argv)
  expect(status, stderr).toBe(0)
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => logShowOutput.parse(JSON.parse(line)))
}

describe('credctl log verify', () => {
  test('verifies a running log with its key, and remembers its head', async () => {
    const first = await credctl('log', 'verify', '--key', vkey)
    expect(first.status, first.stderr + first.stdout).toBe(0)
    expect(first.stdout).toMatch(/^\d+ entries are under the root that credctl\.tour\.example\/log/)
    const { stdout } = await credctl('log', 'verify', '--key', vkey, '--output', 'json')
    expect(logVerifyOutput.parse(JSON.parse(stdout))).toMatchObject({ ok: true, remembered: 1 })
  })

  test('finds a log that changed its past', async () => {
    await credctl('log', 'verify', '--key', vkey)
    const directory = join(home, '.local/state/credctl/logs')
    const [name = ''] = await readdir(directory)
    const memory = await readFile(join(directory, name), 'utf8')
    const other = Buffer.alloc(32, 7).toString('base64')
    await writeFile(
      join(directory, name),
      memory.replaceAll(/"root":"[^"]+"/g, `"root":"${other}"`),
    )
    const { status, stdout } = await credctl('log', 'verify', '--key', vkey)
    await rm(join(directory, name))
    expect(status).toBe(1)
    expect(stdout).toContain('log_forked')
  })

  test('does not take a damaged memory for none', async () => {
    await credctl('log', 'verify', '--key', vkey)
    const directory = join(home, '.local/state/credctl/logs')
    const [name = ''] = await readdir(directory)
    await writeFile(join(directory, name), '{}')
    const { status, stderr } = await credctl('log', 'verify', '--key', vkey)
    await rm(join(directory, name))
    expect(status).toBe(1)
    expect(stderr).toContain('what is remembered of the log is damaged')
  })

  test('verifies a copy without the broker, and finds one flipped byte in it', async () => {
    const keyFile = join(home, 'log.vkey')
    await writeFile(keyFile, `${vkey}\n`)
    expect((await credctl('log', 'export', '--to', 'copy')).status).toBe(0)
    const good = await credctl('log', 'verify', 'copy', '--key', keyFile)
    expect(good.status, good.stderr + good.stdout).toBe(0)

    const folder = join(home, 'copy/tile/entries/000.p')
    const [name = ''] = await readdir(folder)
    const bytes = await readFile(join(folder, name))
    bytes[200] = (bytes[200] ?? 0) ^ 1
    await writeFile(join(folder, name), bytes)
    const bad = await credctl('log', 'verify', 'copy', '--key', keyFile, '--output', 'json')
    expect(bad.status).toBe(1)
    const { ok, findings, verified } = logVerifyOutput.parse(JSON.parse(bad.stdout))
    expect({ ok, verified }).toEqual({ ok: false, verified: 0 })
    expect(findings.map(({ code }) => code)).toContain('entry_altered')
  })

  test.each([
    ['no key', ['log', 'verify'], 2, 'no key of a log is given'],
    ['a key that is none', ['log', 'verify', '--key', 'a+b+c'], 1, 'key'],
    ['a file that is not there', ['log', 'verify', '--key', 'nowhere'], 2, 'neither a key'],
    ['a log elsewhere without TLS', ['log', 'verify', 'http://log.example', '--key', 'KEY'], 2, ''],
    ['a directory without a log', ['log', 'verify', 'nowhere', '--key', 'KEY'], 1, 'checkpoint'],
    ['a time that is none', ['log', 'show', '--since', 'yesterday'], 2, 'expected a date'],
  ])('refuses %s', async (_what, argv, expected, message) => {
    const { status, stderr } = await credctl(...argv.map((word) => (word === 'KEY' ? vkey : word)))
    expect(stderr).toContain(message)
    expect(status).toBe(expected)
  })
})

describe('credctl log show', () => {
  test('chooses entries of a grant, a kind, a scope, an environment and a time', async () => {
    const all = await entries()
    expect(all.map(({ index }) => index)).toEqual(all.map((_each, index) => index))
    const kinds = (await entries('--grant', grant)).map(({ entry }) => entry.kind)
    expect(kinds).toEqual([
      'grant.decided',
      'credential.requested',
      'credential.minted',
      'grant.ended',
      'credential.revoked',
    ])
    const denied = await entries('--env', 'prod', '--caller', 'agent-7')
    expect(denied.map(({ entry }) => entry['decision'])).toEqual(['deny'])
    expect(await entries('--kind', 'grant.ended', '--scope', 'backfill-order-totals')).toHaveLength(
      1,
    )
    expect(await entries('--grant', grant, '--target', 'orders-db')).toHaveLength(3)
    expect(await entries('--until', '2020-01-01')).toEqual([])
    expect(await entries('--since', '2020-01-01')).toHaveLength(all.length)
  })

  test('prints one line for each entry', async () => {
    const { stdout } = await credctl('log', 'show', '--grant', grant)
    const [decided = ''] = stdout.split('\n')
    expect(decided).toMatch(
      /allow: agent agent-7 of agents, backfill-order-totals in staging: totals of may$/,
    )
    expect(stdout.split('\n')).toHaveLength(6)
  })

  test('follows a log until it is stopped', async () => {
    const bin = join(import.meta.dirname, '../../bin/credctl.js')
    const argv = [bin, 'log', 'show', '--follow', '--output', 'json', '--kind', 'grant.decided']
    const child = spawn(process.execPath, argv, { cwd: home, env: { ...env, HOME: home } })
    const exit = once(child, 'exit')
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    await lines.next()
    await lines.next()
    const token = await broker.issuers.agent({ sub: 'agent-9', team: 'orders' })
    const task = { scope: 'nothing', environment: 'staging', intent: 'x', parameters: {} }
    await requestGrant(broker.url, token, task).catch(() => undefined)
    const { value } = await lines.next()
    expect(JSON.parse(String(value)).entry.caller.subject).toBe('agent-9')
    child.kill('SIGTERM')
    await exit
  })
})

describe('receipts', () => {
  test('prove offline what a grant did, and not more', async () => {
    const saved = await credctl('log', 'receipt', grant, '--output', 'json')
    expect(saved.status, saved.stderr).toBe(0)
    const file = join(home, 'receipts.json')
    await writeFile(file, saved.stdout)
    const good = await credctl('log', 'verify-receipt', file, '--key', vkey)
    expect(good.status, good.stderr).toBe(0)
    expect(good.stdout.split('\n')[0]).toBe(`grant ${grant}`)

    const list = JSON.parse(saved.stdout)
    const damage: Record<string, (copy: typeof list) => void> = {
      entry: (copy) => {
        copy.receipts[0].entry = copy.receipts[0].entry.replace('"allow"', '"deny"')
      },
      index: (copy) => {
        copy.receipts[0].index += 1
      },
      grant: (copy) => {
        copy.id = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
      },
      nothing: (copy) => {
        copy.receipts = []
      },
    }
    for (const [what, change] of Object.entries(damage)) {
      const copy = structuredClone(list)
      change(copy)
      await writeFile(file, JSON.stringify(copy))
      const { status } = await credctl('log', 'verify-receipt', file, '--key', vkey)
      expect(status, what).toBe(1)
    }
  })
})

test('credctl log key prints the key that the broker signs with', async () => {
  const { status, stdout } = await credctl('log', 'key', '--config', broker.configFile)
  expect(status).toBe(0)
  expect(stdout).toBe(`${vkey}\n`)
})
