import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { serveOutput } from '../../src/cli/output/serve.ts'
import { writeFiles } from './session.ts'

const BIN = join(import.meta.dirname, '../../bin/credctl.js')
const SCOPE = `name: look
owner: team-orders
description: Look at one table of the orders.
allow:
  - { caller: agent, issuer: agents, claims: { team: orders } }
environments: [staging]
ttl: 15m
access:
  orders-db: { postgres: { tables: { public.orders: [select] } } }
`
const config = (listen: string) => `origin: credctl.test/log
url: http://127.0.0.1:8080
listen: ${listen}
issuers:
  agents:
    issuer: https://agents.test
    audience: https://credctl.test
    algorithms: [ES256]
    callers: [{ class: agent }]
environments:
  staging: { class: nonprod, targets: {} }
`

let cwd = ''
const children: ChildProcess[] = []

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'credctl-serve-'))
  await writeFiles(
    cwd,
    new Map([
      ['credctl.yaml', config('127.0.0.1:0')],
      ['task-scopes/look.yaml', SCOPE],
    ]),
  )
})
afterEach(async () => {
  await Promise.all(
    children.splice(0).map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    }),
  )
})
afterAll(async () => await rm(cwd, { recursive: true, force: true }))

function serve(...argv: readonly string[]) {
  const child = spawn(process.execPath, [BIN, 'serve', '--output', 'json', ...argv], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd },
  })
  children.push(child)
  const seen = { stderr: '' }
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    seen.stderr += text
  })
  const exit = once(child, 'exit')
  const firstLine = once(createInterface(child.stdout), 'line')
  const ready = async () => serveOutput.parse(JSON.parse(String((await firstLine)[0])))
  return { child, seen, ready, status: async () => (await exit)[0] as number | null }
}

describe('credctl serve', () => {
  test('serves, reloads on SIGHUP, keeps the scopes of before when one is bad, stops on SIGTERM', async () => {
    const { child, seen, ready, status } = serve()
    const { host, port } = await ready()
    const answer = await fetch(`http://${host}:${port}/readyz`)
    expect(answer.status).toBe(200)
    expect(seen.stderr).toContain(`credctl: serving http://127.0.0.1:8080 on 127.0.0.1:${port}\n`)

    await writeFile(join(cwd, 'task-scopes/look.yaml'), SCOPE.replace('select', 'drop'))
    child.kill('SIGHUP')
    await expect.poll(() => seen.stderr).toContain('the scopes of before stay in force')
    expect(seen.stderr).toContain('task-scopes/look.yaml:9:')

    await writeFile(join(cwd, 'task-scopes/look.yaml'), SCOPE)
    child.kill('SIGHUP')
    await expect.poll(() => seen.stderr).toContain('task-scopes is in force as it is now')
    expect((await fetch(`http://${host}:${port}/healthz`)).status).toBe(200)

    child.kill('SIGTERM')
    expect(await status()).toBe(0)
    await expect(fetch(`http://${host}:${port}/healthz`)).rejects.toThrow()
  })

  // From sources, which Node.js strips of their types in memory; as built it is some 140 MB.
  test('stays below 190 MB of memory when idle', async () => {
    const { child, ready } = serve()
    await ready()
    const resident = () => {
      const text = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) / 1024
    }
    await expect.poll(resident, { timeout: 10_000 }).toBeLessThan(190)
  })

  test('says which address is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const taken = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await writeFile(join(cwd, 'taken.yaml'), config(taken))
    const { seen, status } = serve('--config', 'taken.yaml')
    expect(await status()).toBe(1)
    expect(seen.stderr).toContain(`credctl: cannot listen on ${taken}: it is taken\n`)
    expect(seen.stderr).toContain('Set listen in')
    server.close()
  })

  test.each([
    [['--config', 'nowhere.yaml'], 'nowhere.yaml:1:1: the configuration cannot be read'],
    [['--scopes', 'nowhere'], 'nowhere:1:1: cannot read the directory of task scopes'],
  ])('refuses to start with %j', async (argv, message) => {
    const { seen, status } = serve(...argv)
    expect(await status()).toBe(1)
    expect(seen.stderr).toContain(message)
  })
})
