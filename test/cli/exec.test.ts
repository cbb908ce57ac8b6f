import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
let home = ''
let env: Record<string, string> = {}

const TASK = ['--scope', 'backfill-order-totals', '--env', 'staging', '--param', 'ticket=ORD-1']
const PROBE = join(import.meta.dirname, 'probe.ts')

beforeAll(async () => {
  broker = await testBroker(postgres)
  home = await mkdtemp(join(tmpdir(), 'credctl-exec-'))
  const file = join(home, 'identity')
  await writeFile(file, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: file, TMPDIR: home }
})
afterAll(async () => {
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

function exec(argv: readonly string[], more: Record<string, string> = {}) {
  return runCredctl(['exec', ...argv], { cwd: home, env: { ...env, ...more } })
}

/** Runs `probe.ts` under a grant and gives what it printed. */
async function probe(what: string, more: Record<string, string> = {}) {
  const outcome = await exec([...TASK, '--', process.execPath, PROBE, what], more)
  expect(outcome.status, outcome.stderr).toBe(0)
  return { ...outcome, answer: JSON.parse(outcome.stdout) }
}

/** Directories that exec made for its files. */
async function leftovers(): Promise<string[]> {
  return (await readdir(home)).filter((name) => name.startsWith('credctl-'))
}

describe('the command', () => {
  test('reaches the database with what the scope gives, and no further', async () => {
    const { answer } = await probe('postgres')
    expect(answer).toMatchObject({
      select: 'ok',
      update: 'ok',
      delete: 'permission denied for table orders',
      users: 'permission denied for table users',
    })
  })

  test('gets DATABASE_URL when it is asked for, and not otherwise', async () => {
    const print = ['--', 'sh', '-c', 'printenv DATABASE_URL || echo none']
    const more = { DATABASE_URL: 'postgres://somebody-else' }
    const plain = await exec([...TASK, ...print], more)
    expect(plain.stdout).toBe('none\n')
    const asked = await exec([...TASK, '--database-url', ...print], more)
    expect(asked.stdout).toMatch(/^postgresql:\/\/cbg_\w+:[^@]+@127\.0\.0\.1:\d+\/staging_/)
  })

  test('reaches AWS through the default chain of the unmodified SDK', async () => {
    const { answer } = await probe('aws', { AWS_PROFILE: 'admin', AWS_ACCESS_KEY_ID: 'AKIAOWN' })
    expect(answer.region).toBe('eu-central-1')
    expect(answer.accessKeyId).toMatch(/^ASIA/)
    expect(answer.expires).toBe(true)
  })

  test('gets the same credential as a profile through credential_process', async () => {
    const { answer } = await probe('aws-profile')
    expect(answer.accessKeyId).toMatch(/^ASIA/)
  })

  test('inherits no credential, and every file it is given is private', async () => {
    const inherited = {
      AWS_ACCESS_KEY_ID: 'inherited-1',
      AWS_SESSION_TOKEN: 'inherited-2',
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/inherited-3',
      PGPASSWORD: 'inherited-4',
      PGSERVICE: 'inherited-5',
      VAULT_TOKEN: 'inherited-6',
      GITHUB_TOKEN: 'inherited-7',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'inherited-8',
      aws_secret_access_key: 'inherited-9',
      SSH_AUTH_SOCK: 'inherited-10',
      KUBECONFIG: 'inherited-11',
      STRIPE_API_KEY: 'inherited-12',
      ANTHROPIC_API_KEY: 'kept',
      EDITOR: 'kept',
    }
    const { answer } = await probe('environment', inherited)
    expect(JSON.stringify(answer.env)).not.toContain('inherited-')
    expect(answer.env.EDITOR).toBe('kept')
    expect(answer.env).not.toHaveProperty('CREDCTL_IDENTITY_TOKEN_FILE')
    expect(Object.values<string>(answer.modes)).toEqual(
      Object.keys(answer.modes).map((name) => (['.', 'nowhere'].includes(name) ? '700' : '600')),
    )
    const token = await readFile(env['CREDCTL_IDENTITY_TOKEN_FILE'] ?? '', 'utf8')
    expect(JSON.stringify(answer)).not.toContain(token)
    expect(answer.commandLine).not.toMatch(/eyJ/)
  })
})

describe('a refusal', () => {
  test('says why, with the code, the request and no command run', async () => {
    const asked = ['--scope', 'deploy-web', '--env', 'prod', '--', 'touch', join(home, 'ran')]
    const { status, stderr } = await exec(asked)
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^credctl: the broker refused\n {2}scope_unknown: no scope "deploy-web" is available .*\n {2}request: \w{26}\n$/,
    )
    expect(existsSync(join(home, 'ran'))).toBe(false)
    expect(await leftovers()).toEqual([])
  })

  test('is JSON on stdout for programs', async () => {
    const asked = [...TASK.slice(0, 4), '--output', 'json', '--', 'true']
    const { status, stdout } = await exec(asked)
    expect(status).toBe(1)
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'access_denied',
      reasons: [{ code: 'plan_refused', message: expect.stringContaining('ticket is missing') }],
    })
  })

  test('meets a grant inside a grant', async () => {
    const { status, stderr } = await exec([...TASK, '--', 'true'], { CREDCTL_GRANT: '01J' })
    expect(status).toBe(2)
    expect(stderr).toContain('this command already runs under grant 01J')
  })

  test.each([
    ['no command', [...TASK], {}, 'no command is given'],
    ['no broker', [...TASK, '--', 'true'], { CREDCTL_BROKER: '' }, 'no broker is named'],
    [
      'a broker without TLS elsewhere',
      [...TASK, '--broker', 'http://broker.example', '--', 'true'],
      {},
      'this broker URL is not accepted',
    ],
    [
      'a broker URL with a password',
      [...TASK, '--broker', 'https://u:p@broker.example', '--', 'true'],
      {},
      'this broker URL is not accepted',
    ],
    [
      'no identity',
      [...TASK, '--', 'true'],
      { CREDCTL_IDENTITY_TOKEN_FILE: '' },
      'there is no identity token',
    ],
    [
      'an identity file that does not exist',
      [...TASK, '--', 'true'],
      { CREDCTL_IDENTITY_TOKEN_FILE: 'nowhere' },
      'nowhere cannot be read (ENOENT)',
    ],
  ])('meets %s with status 2', async (_what, argv, more, message) => {
    const { status, stderr } = await exec(argv, more)
    expect(stderr).toContain(message)
    expect(status).toBe(2)
  })

  test('meets a file that holds no token without showing what it holds', async () => {
    const file = join(home, 'not-a-token')
    await writeFile(file, 'my secret diary')
    const { status, stderr } = await exec([...TASK, '--identity-token-file', file, '--', 'true'])
    expect(status).toBe(1)
    expect(stderr).toContain('does not hold a token')
    expect(stderr).not.toContain('diary')
  })

  test('meets a broker that is not there', async () => {
    const { status, stderr } = await exec([...TASK, '--broker', 'http://127.0.0.1:9', '--', 'true'])
    expect(status).toBe(1)
    expect(stderr).toContain('no answer from http://127.0.0.1:9: ECONNREFUSED')
  })
})
