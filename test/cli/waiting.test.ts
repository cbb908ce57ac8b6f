import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { World } from '../api/world.ts'
import { approvalWorld, PURGE, say, show, tokenNow } from '../approval/world.ts'
import { testPostgres } from '../support/postgres.ts'

vi.setConfig({ testTimeout: 60_000 })

const postgres = testPostgres()
const BIN = join(import.meta.dirname, '../../bin/credctl.js')
let here: World
let home = ''
let env: Record<string, string> = {}

beforeAll(async () => {
  here = await approvalWorld(postgres)
  home = await mkdtemp(join(tmpdir(), 'credctl-waiting-'))
  const file = join(home, 'identity')
  await writeFile(file, await tokenNow(here, 'agent'))
  env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TMPDIR: home,
    CREDCTL_BROKER: here.url,
    CREDCTL_IDENTITY_TOKEN_FILE: file,
  }
}, 60_000)
afterAll(async () => {
  await here?.close()
  await rm(home, { recursive: true, force: true })
})

async function word(id: string, verdict: string): Promise<void> {
  const { body } = await show(here, 'ann', id)
  const { status } = await say(here, 'ann', { id, plan: String(body['plan']) }, { verdict })
  expect(status).toBe(200)
}

/** Starts a command that people must approve; gives the id of the request once it waits. */
async function start(intent: string) {
  const { scope, environment, parameters } = PURGE
  const task = ['--scope', scope, '--env', environment, '--param', `ticket=${parameters.ticket}`]
  const argv = [BIN, 'exec', ...task, '--intent', intent, '--', 'sh', '-c', 'echo ran']
  const child = spawn(process.execPath, argv, { cwd: home, env })
  const seen = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      seen[name] += text
    })
  }
  const end = new Promise<number | null>((resolve) => child.once('close', resolve))
  const asked = () => /waiting for approval (\S+) \((\w{26})\) until/.exec(seen.stderr) ?? undefined
  await vi.waitFor(() => expect(asked(), seen.stderr).toBeDefined(), { timeout: 20_000 })
  return { child, seen, end, approval: asked()?.[2] ?? '' }
}

// At once, because each of them waits for the pace at which the broker lets clients poll.
describe.concurrent('a command that people must approve', () => {
  test('runs once they did', async () => {
    const { seen, end, approval } = await start('approved')
    await word(approval, 'approve')
    expect(await end, seen.stderr).toBe(0)
    expect(seen.stdout).toBe('ran\n')
  })

  test('does not run when they deny it', async () => {
    const { seen, end, approval } = await start('denied')
    await word(approval, 'deny')
    expect([await end, seen.stdout]).toEqual([1, ''])
    expect(seen.stderr).toContain('people denied the request')
  })

  test('does not run when it is interrupted, and says so by its status', async () => {
    const { child, seen, end } = await start('interrupted')
    child.kill('SIGINT')
    expect([await end, seen.stdout]).toEqual([130, ''])
  })
})

describe.concurrent('an agent over MCP', () => {
  async function agent(intent: string) {
    const client = new Client({ name: 'test', version: '1' })
    const argv = { command: process.execPath, args: [BIN, 'mcp'], env, stderr: 'ignore' } as const
    await client.connect(new StdioClientTransport({ ...argv, args: [...argv.args] }))
    const call = async (name: string, args: object) => {
      const answer = await client.callTool({ name, arguments: { ...args } })
      const [content] = answer.content as { text: string }[]
      return JSON.parse(content?.text ?? '')
    }
    const { scope, environment, parameters } = PURGE
    const asked = await call('request', { scope, environment, parameters, intent })
    return { client, call, asked }
  }

  test('is told that people must agree, and by check that they did', async () => {
    const { client, call, asked } = await agent('approved for an agent')
    expect(asked).toMatchObject({
      status: 'pending',
      task: expect.stringMatching(/^pending-/),
      binding_code: expect.any(String),
    })
    const check = () => call('check', { task: asked.task })
    expect((await check()).status).toBe('pending')
    await word(asked.approval, 'approve')
    await vi.waitFor(async () => expect((await check()).status).toBe('live'), { timeout: 30_000 })
    const { task } = await check()
    expect(task).toMatch(/^\w{26}$/)
    expect((await call('end', { task })).status).toBe('ended')
    await client.close()
  })

  test('hears that they denied it, and may give a request up', async () => {
    const { client, call, asked } = await agent('denied for an agent')
    await word(asked.approval, 'deny')
    const check = () => call('check', { task: asked.task })
    await vi.waitFor(async () => expect((await check()).error?.code).toBe('access_denied'), {
      timeout: 30_000,
    })
    expect(await call('end', { task: asked.task })).toEqual({ status: 'ended', task: asked.task })
    await client.close()
  })
})
