import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { unlimitedScopes } from '../support/unlimited.ts'
import { runCredctl } from './session.ts'

/** Unmodified clients that are not npm packages: each is tried where it is installed. */
const works = (command: string, ...argv: string[]) => spawnSync(command, argv).status === 0
const HAS = {
  aws: works('aws', '--version'),
  boto3: works('python3', '-c', 'import boto3'),
  psql: works('psql', '--version'),
}

/** Programs in Python take seconds to start on a busy machine. */
vi.setConfig({ testTimeout: 90_000 })

const postgres = testPostgres()
const BIN = join(import.meta.dirname, '../../bin/credctl.js')
const TASK = ['--scope', 'backfill-order-totals', '--env', 'staging', '--param', 'ticket=ORD-1']
let broker: TestBroker
let scopes = ''
let home = ''
let env: Record<string, string> = {}

beforeAll(async () => {
  scopes = await unlimitedScopes()
  broker = await testBroker(postgres, { scopes })
  home = await mkdtemp(join(tmpdir(), 'credctl-clients-'))
  const file = join(home, 'identity')
  await writeFile(file, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  // Version switchers of Python find their programs by these.
  const { PYENV_ROOT: root, HOME: own } = process.env
  env = {
    PYENV_ROOT: root ?? join(own ?? '', '.pyenv'),
    CREDCTL_BROKER: broker.url,
    CREDCTL_IDENTITY_TOKEN_FILE: file,
    TMPDIR: home,
  }
})
afterAll(async () => {
  await broker?.close()
  for (const each of [home, scopes]) await rm(each, { recursive: true, force: true })
})

async function exec(...command: string[]): Promise<string> {
  const outcome = await runCredctl(['exec', ...TASK, '--', ...command], { cwd: home, env })
  expect(outcome.status, outcome.stderr).toBe(0)
  return outcome.stdout
}

describe.skipIf(!HAS.aws)('the AWS CLI', () => {
  test('signs with the credential of the grant, by default and by profile', async () => {
    const asked = ['aws', 'sts', 'get-caller-identity', '--endpoint-url', broker.sts.endpoint]
    expect(JSON.parse(await exec(...asked)).Arn).toMatch(/assumed-role\/task\/credctl-\w{26}/)
    const profiled = await exec(...asked, '--profile', 'exports')
    expect(JSON.parse(profiled).Arn).toMatch(/assumed-role\/task\/credctl-\w{26}/)
  })

  test('asks credctl aws-credentials without exec', async () => {
    const config = join(home, 'aws-config')
    const process_ = [process.execPath, BIN, 'aws-credentials', '--target', 'exports', ...TASK]
    const text = `[profile task]\nregion = eu-central-1\ncredential_process = ${process_.join(' ')}\n`
    await writeFile(config, text)
    const argv = ['sts', 'get-caller-identity', '--profile', 'task']
    const own = { PATH: process.env['PATH'], HOME: home, ...env, AWS_CONFIG_FILE: config }
    const stdout = await new Promise<string>((resolve) => {
      const all = [...argv, '--endpoint-url', broker.sts.endpoint]
      execFile('aws', all, { env: own }, (_error, text) => resolve(text))
    })
    expect(stdout).toContain('assumed-role/task/credctl-')
  })
})

test.skipIf(!HAS.boto3)('boto3 finds the endpoint and the profile', async () => {
  const script = `import boto3
for session in (boto3.Session(), boto3.Session(profile_name='exports')):
    credentials = session.get_credentials()
    print(credentials.method, credentials.get_frozen_credentials().access_key[:4])`
  expect(await exec('python3', '-c', script)).toBe('container-role ASIA\ncustom-process ASIA\n')
})

test.skipIf(!HAS.psql)('psql connects by default and by service', async () => {
  expect(await exec('psql', '-Atc', 'SELECT count(*) FROM orders')).toBe('400\n')
  const user = await exec('psql', 'service=orders-db', '-Atc', 'SELECT current_user')
  expect(user).toMatch(/^cbg_/)
})
