import { execFile, execFileSync, spawn } from 'node:child_process'
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { runAgent, type Step } from '../../examples/agents/sdk/agent.ts'
import { createClient } from '../../src/client/client.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { unlimitedScopes } from '../support/unlimited.ts'

const postgres = testPostgres()
const ROOT = join(import.meta.dirname, '../..')
const AGENTS = join(ROOT, 'examples/agents')
const PROBE = join(ROOT, 'test/cli/probe.ts')
let broker: TestBroker
let scopes = ''
let home = ''
let env: Record<string, string> = {}

beforeAll(async () => {
  scopes = await unlimitedScopes()
  await copyFile(join(ROOT, 'test/api/scopes/reports.yaml'), join(scopes, 'reports.yaml'))
  broker = await testBroker(postgres, {
    scopes,
    configure: (config) => {
      const { github } = config.issuers
      if (github === undefined) throw new Error('the issuers of the tour have other names')
      const callers = [
        ...github.callers,
        { class: 'workload' as const, claims: { kind: 'workload' } },
      ]
      return { ...config, issuers: { ...config.issuers, github: { ...github, callers } } }
    },
  })
})
afterAll(async () => {
  await broker?.close()
  await rm(scopes, { recursive: true, force: true })
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-recipe-'))
  await mkdir(join(home, 'bin'))
  await program('credctl', `exec "${process.execPath}" "${ROOT}/bin/credctl.js" "$@"`)
  const identity = join(home, 'identity')
  await writeFile(identity, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  env = {
    PATH: `${home}/bin:${process.env['PATH']}`,
    HOME: home,
    TMPDIR: home,
    CREDCTL_BROKER: broker.url,
    CREDCTL_IDENTITY_TOKEN_FILE: identity,
  }
})
afterEach(async () => {
  await expect.poll(liveGrants, { timeout: 15_000 }).toBe(0)
  await rm(home, { recursive: true, force: true })
})

async function program(name: string, script: string): Promise<void> {
  const file = join(home, 'bin', name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}

async function liveGrants(): Promise<number> {
  const { rows } = await postgres.pool(broker.ledgerDatabase).query(
    `SELECT count(*)::int AS count FROM credctl_ledger.grants
      WHERE ended IS NULL AND scope <> 'reports'`,
  )
  return rows[0].count
}

async function shell(script: string, more: Record<string, string> = {}, stdin = '') {
  const child = spawn('sh', ['-c', script], { cwd: home, env: { ...env, ...more } })
  child.stdin.end(stdin)
  const seen = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      seen[name] += text
    })
  }
  const status = await new Promise((resolve) => child.once('close', resolve))
  return { status, ...seen }
}

describe('Claude Code', () => {
  interface Settings {
    readonly hooks: Record<string, { hooks: { type: string; command: string }[] }[]>
    readonly permissions: { readonly deny: readonly string[] }
  }

  /** The recipe in a project, as its README says. */
  async function project() {
    const settings: Settings = JSON.parse(
      await readFile(join(AGENTS, 'claude-code/settings.json'), 'utf8'),
    )
    await cp(join(AGENTS, 'claude-code/hooks'), join(home, '.claude/hooks'), { recursive: true })
    const variables = join(home, 'claude-env')
    const fire = async (event: string, session: string) => {
      const [command = ''] = (settings.hooks[event] ?? []).flatMap(({ hooks }) =>
        hooks.map((hook) => hook.command),
      )
      const stdin = JSON.stringify({ session_id: session, hook_event_name: event, cwd: home })
      return await shell(command, { CLAUDE_PROJECT_DIR: home, CLAUDE_ENV_FILE: variables }, stdin)
    }
    /** A command of the agent: Claude Code reads the variables before each. */
    const bash = (script: string) => shell(`. '${variables}'; ${script}`)
    return { settings, fire, bash, variables }
  }

  test('has a task from the start of a session to its end', async () => {
    const { fire, bash, variables } = await project()
    const started = await fire('SessionStart', 'aaaa-1111')
    expect(started.status, started.stderr).toBe(0)
    expect(started.stdout).toMatch(
      /^The commands of this session run under credctl grant \w{26}\.\n$/,
    )
    const database = await bash(`"${process.execPath}" "${PROBE}" postgres`)
    expect(JSON.parse(database.stdout)).toMatchObject({ select: 'ok', update: 'ok' })
    const aws = await bash(`"${process.execPath}" "${PROBE}" aws`)
    expect(JSON.parse(aws.stdout).accessKeyId).toMatch(/^ASIA/)
    expect((await bash('printenv CREDCTL_IDENTITY_TOKEN_FILE || echo gone')).stdout).toBe('gone\n')
    expect(await readFile(variables, 'utf8')).not.toMatch(/eyJ|Bearer|PGPASSWORD/)
    expect(await liveGrants()).toBe(1)
    const ended = await fire('SessionEnd', 'aaaa-1111')
    expect([ended.status, ended.stderr]).toEqual([0, ''])
    expect(await liveGrants()).toBe(0)
    expect(await readdir(join(home, '.local/state/credctl/claude-code'))).toEqual([])
  })

  test('ends the tasks of its own session alone, and none twice', async () => {
    const { fire } = await project()
    await fire('SessionStart', 'aaaa-1')
    await fire('SessionStart', 'bbbb-2')
    await fire('SessionEnd', 'aaaa-1')
    expect((await fire('SessionEnd', 'aaaa-1')).status).toBe(0)
    expect(await liveGrants()).toBe(1)
    await fire('SessionEnd', 'bbbb-2')
  })

  test('is told by a hook that failed, and a session id is no path', async () => {
    const { fire } = await project()
    const { status } = await fire('SessionStart', '../../../etc/passwd')
    expect(status).not.toBe(0)
  })

  test('may not read where the credentials lie', async () => {
    const { settings } = await project()
    expect(settings.permissions.deny).toContain('Read(~/.local/state/credctl/**)')
  })
})

describe('MCP configurations', () => {
  interface ServerEntry {
    readonly command: string
    readonly args: string[]
    readonly env: Record<string, string>
  }

  const read = async (file: string) => await readFile(join(AGENTS, file), 'utf8')
  const ENTRIES: Readonly<Record<string, () => Promise<ServerEntry>>> = {
    'claude-code/mcp.json': async () =>
      JSON.parse(await read('claude-code/mcp.json')).mcpServers.credctl,
    'cursor/mcp.json': async () => JSON.parse(await read('cursor/mcp.json')).mcpServers.credctl,
    'codex/config.toml': async () => {
      const tables = tablesOf(await read('codex/config.toml'))
      const entry = tables['mcp_servers.credctl']
      return { ...entry, env: tables['mcp_servers.credctl.env'] } as ServerEntry
    },
  }

  test.each(Object.entries(ENTRIES))('%s starts a server with the tools', async (_file, entry) => {
    const { command, args, env: named } = await entry()
    expect(Object.keys(named)).toContain('CREDCTL_BROKER')
    // As configured, but for this machine's broker, identity and program.
    const mine = { ...named, ...env }
    const client = new Client({ name: 'test', version: '1' })
    await client.connect(new StdioClientTransport({ command, args, env: mine, stderr: 'ignore' }))
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toContain('request')
    await client.close()
  })

  /** TOML of tables and values that JSON can write: all that the recipe uses. */
  function tablesOf(text: string): Record<string, Record<string, unknown>> {
    const tables: Record<string, Record<string, unknown>> = {}
    let table: Record<string, unknown> = {}
    for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
      const [, header] = /^\[([\w.]+)\]$/.exec(line) ?? []
      const [, name, value] = /^(\w+) = (.+)$/.exec(line) ?? []
      if (header !== undefined) {
        table = {}
        tables[header] = table
      } else if (name !== undefined && value !== undefined) table[name] = JSON.parse(value)
      else throw new Error(`not understood: ${line}`)
    }
    return tables
  }
})

describe('an agent in TypeScript', () => {
  test('works under its task, and no secret enters what the model sees', async () => {
    const identity = await readFile(env['CREDCTL_IDENTITY_TOKEN_FILE'] ?? '', 'utf8')
    const client = createClient({ url: broker.url, identity: () => identity, dpop: true })
    const steps: Step[] = [
      { tool: 'query', input: { sql: 'SELECT count(*)::int AS orders FROM orders' } },
      { tool: 'query', input: { sql: 'DROP TABLE orders' } },
      { tool: 'aws_identity', input: {} },
      { tool: 'nothing', input: {} },
    ]
    const seen: string[] = []
    const transcript = await runAgent(
      client,
      async (said, tools) => {
        seen.push(JSON.stringify([said, tools]))
        return steps[said.length]
      },
      'ORD-481',
    )
    expect(transcript).toEqual([
      '{"rowCount":1,"rows":[{"orders":400}]}',
      'must be owner of table orders',
      expect.stringMatching(/^ASIA/),
      'there is no such tool',
    ])
    expect(seen.join()).not.toMatch(/eyJ|postgresql:|password/)
    expect(await liveGrants()).toBe(0)
  })
})

describe('a container', () => {
  /** Stands in for docker: runs the command with the named variables alone. */
  const DOCKER = `
printf '%s\\n' "$@" > "$HOME/docker-arguments"
set -- "$@" --end
keep="PATH=$PATH"
while [ "$1" != "--env" ]; do shift; done
while [ "$1" = "--env" ]; do keep="$keep $2=$(printenv "$2" | sed 's/ /\\\\ /g')"; shift 2; done
shift
command=$1; shift
script=""
while [ "$1" != "--end" ]; do script="$script '$1'"; shift; done
eval exec env -i $keep "'$command'" $script`

  test('has the credentials of the task, and none of them in its arguments', async () => {
    await program('docker', DOCKER)
    const run = `credctl exec --scope backfill-order-totals --env staging --param ticket=ORD-1 -- \
      ${AGENTS}/container/run.sh IMAGE`
    const node = `"${process.execPath}" "${PROBE}"`
    const database = await shell(`${run} ${node} postgres`, { AWS_PROFILE: 'admin' })
    expect(JSON.parse(database.stdout || 'null'), database.stderr).toMatchObject({ select: 'ok' })
    const aws = await shell(`${run} ${node} aws`)
    expect(JSON.parse(aws.stdout || 'null'), aws.stderr).toMatchObject({ region: 'eu-central-1' })
    const argv = (await readFile(join(home, 'docker-arguments'), 'utf8')).split('\n')
    expect(argv).toEqual(expect.arrayContaining(['--read-only', '--cap-drop', 'PGPASSFILE']))
    expect(argv.filter((word) => word.startsWith('type=bind'))).toHaveLength(1)
    expect(argv.join('\n')).not.toMatch(/Bearer|eyJ|cbg_/)
  })

  test('is not started outside a task', async () => {
    const { status, stderr } = await shell(`${AGENTS}/container/run.sh IMAGE true`)
    expect(status).not.toBe(0)
    expect(stderr).toContain('run this under credctl exec')
  })
})

describe('a pod', () => {
  test('gets credentials by its unmodified SDK, with its projected token alone', async () => {
    const pod = parseYaml(await readFile(join(AGENTS, 'kubernetes/pod.yaml'), 'utf8'))
    const [container] = pod.spec.containers
    const [{ serviceAccountToken }] = pod.spec.volumes[0].projected.sources
    const variables: Record<string, string> = Object.fromEntries(
      container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
    )
    const {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: uri = '',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
    } = variables
    expect(file).toBe(join(container.volumeMounts[0].mountPath, serviceAccountToken.path))
    expect(new URL(uri).origin).toBe(serviceAccountToken.audience)
    // As in the pod, but for where this test's broker and token are.
    const token = join(home, 'token')
    const subject = { sub: 'system:serviceaccount:shop:reports', kind: 'workload', team: 'orders' }
    await writeFile(token, await broker.issuers.ci(subject))
    const here = {
      ...variables,
      HOME: home,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: broker.url + new URL(uri).pathname,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: token,
    }
    const stdout = await new Promise<string>((resolve) => {
      execFile(process.execPath, [PROBE, 'aws'], { env: here }, (_error, text) => resolve(text))
    })
    expect(JSON.parse(stdout)).toMatchObject({ region: 'eu-central-1', expires: true })
  })
})

test('every shell script of the recipes is one', async () => {
  for (const file of await readdir(AGENTS, { recursive: true })) {
    if (file.endsWith('.sh')) execFileSync('sh', ['-n', join(AGENTS, file)])
  }
})
