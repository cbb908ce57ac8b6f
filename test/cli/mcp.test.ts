import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../../examples/tour/free-port.ts'
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
const closers: (() => Promise<unknown>)[] = []

const BIN = join(import.meta.dirname, '../../bin/credctl.js')
const TASK = {
  scope: 'backfill-order-totals',
  environment: 'staging',
  intent: 'recompute totals',
  parameters: { ticket: 'ORD-1' },
}

beforeAll(async () => {
  scopes = await unlimitedScopes()
  broker = await testBroker(postgres, { scopes })
})
afterAll(async () => {
  await broker?.close()
  await rm(scopes, { recursive: true, force: true })
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-mcp-'))
  const file = join(home, 'identity')
  await writeFile(file, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TMPDIR: home,
    CREDCTL_BROKER: broker.url,
    CREDCTL_IDENTITY_TOKEN_FILE: file,
  }
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await expect.poll(() => readdir(tasksDirectory()).catch(() => [])).toEqual([])
  await rm(home, { recursive: true, force: true })
})

const tasksDirectory = () => join(home, '.local', 'state', 'credctl', 'tasks')

/** Everything that crosses the wire, in both directions, as text. */
function recorded(transport: Transport, transcript: string[]): Transport {
  const send = transport.send.bind(transport)
  transport.send = async (message, options) => {
    transcript.push(JSON.stringify(message))
    await send(message, options)
  }
  let onmessage: Transport['onmessage']
  Object.defineProperty(transport, 'onmessage', {
    get: () => onmessage,
    set: (handler: typeof onmessage) => {
      onmessage = (message, extra) => {
        transcript.push(JSON.stringify(message))
        handler?.(message, extra)
      }
    },
  })
  return transport
}

async function connect(transport: Transport) {
  const transcript: string[] = []
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(recorded(transport, transcript))
  closers.push(() => client.close())
  return { client, transcript, ...tools(client) }
}

function tools(client: Client) {
  const call = async (name: string, args: Record<string, unknown>) => {
    const answer = await client.callTool({ name, arguments: args })
    const [content] = answer.content as { text: string }[]
    return { isError: answer.isError === true, value: JSON.parse(content?.text ?? '') }
  }
  return { call }
}

const stdio = (...flags: string[]) =>
  connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [BIN, 'mcp', ...flags],
      env,
      stderr: 'ignore',
    }),
  )

async function liveGrants(): Promise<number> {
  const ledger = postgres.pool(broker.ledgerDatabase)
  const { rows } = await ledger.query(
    'SELECT count(*)::int AS count FROM credctl_ledger.grants WHERE ended IS NULL',
  )
  return rows[0].count
}

function under(grant: string, ...argv: string[]) {
  return runCredctl(['exec', '--grant', grant, '--', ...argv], { cwd: home, env })
}

describe('an agent', () => {
  test('finds its tools, and what each is for', async () => {
    const { client } = await stdio()
    const { tools: listed } = await client.listTools()
    expect(listed.map(({ name }) => name)).toEqual([
      'list_scopes',
      'plan',
      'request',
      'check',
      'end',
    ])
    expect(listed.every(({ description }) => (description?.length ?? 0) > 10)).toBe(true)
    expect(client.getInstructions()).toContain('credctl exec --grant')
  })

  test('goes from a scope to a task whose commands reach the database and AWS', async () => {
    const { call } = await stdio()
    const listed = await call('list_scopes', {})
    expect(listed.value.scopes[0]).toMatchObject({ name: TASK.scope })
    const planned = await call('plan', TASK)
    expect(planned.value).toMatchObject({ decision: 'allow', blast_radius: { tables: 2 } })
    expect(await liveGrants()).toBe(0)

    const { value: task } = await call('request', TASK)
    expect(task).toMatchObject({
      status: 'live',
      scope: TASK.scope,
      targets: [
        { name: 'exports', kind: 'aws' },
        { name: 'orders-db', kind: 'postgres' },
      ],
      run: `credctl exec --grant ${task.task} -- COMMAND`,
    })
    const probe = join(import.meta.dirname, 'probe.ts')
    const database = await under(task.task, process.execPath, probe, 'postgres')
    expect(JSON.parse(database.stdout)).toMatchObject({
      select: 'ok',
      delete: 'permission denied for table orders',
    })
    const aws = await under(task.task, process.execPath, probe, 'aws')
    expect(JSON.parse(aws.stdout).accessKeyId).toMatch(/^ASIA/)
    const profile = await under(task.task, process.execPath, probe, 'aws-profile')
    expect(JSON.parse(profile.stdout).accessKeyId).toMatch(/^ASIA/)

    expect((await call('check', { task: task.task })).value).toMatchObject({ status: 'live' })
    const ended = await call('end', { task: task.task })
    expect(ended.value).toMatchObject({ status: 'ended', task: task.task })
    expect((await call('check', { task: task.task })).value.status).toBe('ended')
    expect(await liveGrants()).toBe(0)
    const after = await under(task.task, 'true')
    expect([after.status, after.stderr]).toEqual([1, expect.stringContaining('no task')])
  })

  test('hears of a refusal in terms of its scope', async () => {
    const { call } = await stdio()
    const { isError, value } = await call('request', { ...TASK, environment: 'prod' })
    expect(isError).toBe(true)
    expect(value.error).toMatchObject({
      code: 'access_denied',
      reasons: [{ code: 'environment_not_in_scope' }],
    })
  })

  test('learns that an operator ended its task', async () => {
    const { call } = await stdio()
    const { value } = await call('request', TASK)
    const token = await broker.issuers.person({ sub: 'operator', role: 'platform-operator' })
    const headers = { authorization: `Bearer ${token}` }
    await fetch(`${broker.url}/v1/grants/${value.task}`, { method: 'DELETE', headers })
    expect((await call('check', { task: value.task })).value.status).toBe('ended')
  })

  test.each([
    ['check', { task: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }],
    ['end', { task: '../../etc/passwd' }],
    ['check', { task: '__proto__' }],
  ])('that did not start a task cannot %s it', async (name, args) => {
    const { call } = await stdio()
    const { isError, value } = await call(name, args)
    expect([isError, value.error.code]).toEqual([true, 'grant_not_found'])
  })

  test.each([
    ['no scope', { ...TASK, scope: undefined }],
    ['a number for a parameter', { ...TASK, parameters: { ticket: 7 } }],
    ['an empty intent', { ...TASK, intent: '' }],
  ])('that sends %s is told so, and nothing is asked of the broker', async (_what, args) => {
    const { client } = await stdio()
    const answer = await client.callTool({ name: 'request', arguments: args })
    expect(answer.isError).toBe(true)
    expect(await liveGrants()).toBe(0)
  })
})

test('no message holds a secret, nor does the log', async () => {
  const { call, transcript } = await stdio()
  const { value } = await call('request', TASK)
  const directory = join(tasksDirectory(), value.task)
  const [pgpass = '', endpoint = ''] = await Promise.all(
    ['pgpass', 'endpoint-token'].map((name) => readFile(join(directory, name), 'utf8')),
  )
  const identity = await readFile(env['CREDCTL_IDENTITY_TOKEN_FILE'] ?? '', 'utf8')
  const ask = join(import.meta.dirname, 'endpoint.ts')
  const { stdout } = await under(value.task, process.execPath, ask, 'body')
  const { SecretAccessKey, Token } = JSON.parse(stdout)
  await call('check', { task: value.task })
  await call('request', { ...TASK, environment: 'prod' })
  await call('end', { task: value.task })
  const secrets = [
    identity,
    pgpass.trim().split(':').at(-1) ?? '',
    endpoint.replace('Bearer ', ''),
    SecretAccessKey,
    Token,
  ]
  expect(secrets.every((secret) => secret.length > 10)).toBe(true)
  const { rows } = await postgres
    .pool(broker.ledgerDatabase)
    .query("SELECT convert_from(body, 'UTF8') AS text FROM credctl_ledger.entries")
  const seen = [...transcript, ...rows.map(({ text }) => text)].join('\n')
  expect(transcript.length).toBeGreaterThan(8)
  for (const secret of [...secrets, 'eyJ']) expect(seen).not.toContain(secret)
})

describe('its tasks end', () => {
  test('when the client goes away', async () => {
    const { client, call } = await stdio()
    await call('request', TASK)
    expect(await liveGrants()).toBe(1)
    await client.close()
    await expect.poll(liveGrants, { timeout: 10_000 }).toBe(0)
  })

  test('when the server is killed', async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [BIN, 'mcp'],
      env,
      stderr: 'ignore',
    })
    const { call } = await connect(transport)
    await call('request', TASK)
    process.kill(transport.pid ?? 0, 'SIGKILL')
    await expect.poll(liveGrants, { timeout: 10_000 }).toBe(0)
  })
})

test('a server goes with its client although the broker is away, and its tasks end after it', async () => {
  const line = await Line.to(Number(new URL(broker.url).port))
  env = { ...env, CREDCTL_BROKER: line.url }
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [BIN, 'mcp'],
    env,
    stderr: 'ignore',
  })
  const { client, call } = await connect(transport)
  const { pid } = transport
  await call('request', TASK)
  line.cut(true)
  await client.close()
  const isThere = () => existsSync(`/proc/${pid}`)
  if (process.platform === 'linux') await expect.poll(isThere, { timeout: 10_000 }).toBe(false)
  line.cut(false)
  await expect.poll(liveGrants, { timeout: 15_000 }).toBe(0)
  await line.close()
})

test('an agent that runs under a grant starts no others', async () => {
  const { status, stderr } = await runCredctl(['mcp'], {
    cwd: home,
    env: { ...env, CREDCTL_GRANT: 'x' },
  })
  expect(status).toBe(2)
  expect(stderr).toContain('already runs under grant')
})

const token = randomBytes(32).toString('base64url')

const STRANGERS: readonly (readonly [string, number, Record<string, string>])[] = [
  ['the token and this very address', 200, {}],
  ['the other name of this machine', 200, { host: 'localhost' }],
  ['no token', 401, { authorization: '' }],
  ['half a token', 401, { authorization: `Bearer ${token.slice(0, -1)}` }],
  ['a name that was pointed here', 403, { host: 'rebound.example' }],
  ['a name that looks like ours', 403, { host: '127.0.0.1.rebound.example' }],
  ['a page of another origin', 403, { origin: 'https://evil.example' }],
  ['a page without an origin', 403, { origin: 'null' }],
]

describe('over HTTP', () => {
  async function serve() {
    const port = await freePort()
    const file = join(home, 'mcp-token')
    await writeFile(file, `${token}\n`, { mode: 0o600 })
    const child = spawn(
      process.execPath,
      [BIN, 'mcp', '--port', String(port), '--token-file', file],
      { env, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const exited = new Promise((resolve) => child.once('exit', resolve))
    closers.push(async () => {
      child.kill('SIGTERM')
      await exited
    })
    await new Promise((resolve) => child.stderr.once('data', resolve))
    return { port, child, file }
  }

  const overHttp = (port: number, authorization: string) =>
    connect(
      new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`), {
        requestInit: { headers: { authorization } },
      }),
    )

  test('the same tools, for whoever has the token', async () => {
    const { port } = await serve()
    const { call, transcript } = await overHttp(port, `Bearer ${token}`)
    const { value } = await call('request', TASK)
    expect(value.status).toBe('live')
    expect((await under(value.task, 'true')).status).toBe(0)
    expect((await call('end', { task: value.task })).value.status).toBe('ended')
    expect(transcript.join()).not.toContain('eyJ')
    await expect(overHttp(port, 'Bearer wrong')).rejects.toThrow()
  })

  test('its tasks end with the server', async () => {
    const { port, child } = await serve()
    const { call } = await overHttp(port, `Bearer ${token}`)
    await call('request', TASK)
    child.kill('SIGTERM')
    await expect.poll(liveGrants, { timeout: 10_000 }).toBe(0)
  })

  test('nobody else comes in', async () => {
    const { port } = await serve()
    const good = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      host: `127.0.0.1:${port}`,
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
    const statuses = await Promise.all(
      STRANGERS.map(async ([what, , wrong]) => {
        const headers = {
          ...good,
          ...wrong,
          ...(wrong['host'] && { host: `${wrong['host']}:${port}` }),
        }
        return [what, await post(port, headers, body)]
      }),
    )
    expect(statuses).toEqual(STRANGERS.map(([what, status]) => [what, status]))
  })

  test('a port that is taken, a token file of others and a short token are said so', async () => {
    const { port, file } = await serve()
    const run = (...argv: string[]) => runCredctl(['mcp', ...argv], { cwd: home, env })
    const taken = await run('--port', String(port), '--token-file', file)
    expect(taken.stderr).toContain(`port ${port} of 127.0.0.1 cannot be used: EADDRINUSE`)
    expect(taken.status).toBe(1)
    const open = join(home, 'open')
    await writeFile(open, token)
    await chmod(open, 0o644)
    expect((await run('--port', '1', '--token-file', open)).stderr).toContain('not private')
    const short = join(home, 'short')
    await writeFile(short, 'hunter2', { mode: 0o600 })
    const refused = await run('--port', '1', '--token-file', short)
    expect(refused.stderr).toContain('holds no token')
    expect(refused.stderr).not.toContain('hunter2')
    expect((await run('--port', '1')).stderr).toContain('--port needs --token-file')
  })
})

async function post(port: number, headers: Record<string, string>, body: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: '/mcp', method: 'POST', headers }
    httpRequest(options, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .once('error', reject)
      .end(body)
  })
}
