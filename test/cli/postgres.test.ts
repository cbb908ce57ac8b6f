import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresScriptOutput } from '../../src/cli/output/postgres.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
let home = ''

beforeAll(async () => {
  broker = await testBroker(postgres)
  home = await mkdtemp(join(tmpdir(), 'credctl-postgres-'))
})
afterAll(async () => {
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

function credctl(...argv: readonly string[]) {
  const files = ['--scopes', resolve('task-scopes'), '--config', broker.configFile]
  return runCredctl(['postgres', ...argv, ...files], {
    cwd: home,
    env: { DBA_PASSWORD: postgres.password },
  })
}

const login = () => ['--user', postgres.user, '--password', 'env:DBA_PASSWORD']

async function script(...argv: readonly string[]) {
  const { status, stdout, stderr } = await credctl(...argv, '--output', 'json')
  expect(status, stderr).toBe(0)
  return postgresScriptOutput.parse(JSON.parse(stdout))
}

describe('credctl postgres apply', () => {
  const asked = ['apply', 'orders-db', '--env', 'prod']

  test('prints statements and their digest, and runs those alone that were reviewed', async () => {
    const { digest, scripts, applied } = await script(...asked)
    expect(applied).toBe(false)
    const create = scripts[0]?.statements.find((each) => each.startsWith('CREATE ROLE')) ?? ''
    const [, group = ''] = /"(cbs_\w+)"/.exec(create) ?? []

    const pool = postgres.pool(broker.shop.prod)
    await pool.query(`DROP OWNED BY ${group}`)
    await pool.query(`DROP ROLE ${group}`)
    const other = await credctl(...asked, '--digest', `sha256:${'0'.repeat(64)}`, ...login())
    expect(other.status).toBe(1)
    expect(other.stderr).toContain('not the ones that were reviewed')
    expect(await roles(group)).toBe(0)

    const ran = await credctl(...asked, '--digest', digest, ...login())
    expect(ran.status, ran.stderr).toBe(0)
    expect(ran.stderr).toContain('1 group roles created, 0 were there')
    expect(await roles(group)).toBe(1)
    const again = await credctl(...asked, '--digest', digest, ...login())
    expect(again.stderr).toContain('0 group roles created, 1 were there')
  })

  test('refuses a password in the command line without repeating it', async () => {
    const { digest } = await script(...asked)
    const given = ['--digest', digest, '--user', 'dba', '--password', 'hunter2']
    const { status, stdout, stderr } = await credctl(...asked, ...given)
    expect(status).toBe(2)
    expect(stderr).toContain('--password is not a reference to a secret')
    expect(stdout + stderr).not.toContain('hunter2')
  })

  test('needs a login to run anything', async () => {
    const { digest } = await script(...asked)
    const { status, stderr } = await credctl(...asked, '--digest', digest)
    expect(status).toBe(2)
    expect(stderr).toContain('needs a login that may')
  })
})

describe('credctl postgres setup', () => {
  test('prints what a superuser and an owner run, each once, and psql takes it', async () => {
    const { scripts } = await script('setup', 'orders-db', '--env', 'staging')
    expect(scripts).toHaveLength(2)
    for (const { statements } of scripts) {
      expect(new Set(statements).size).toBe(statements.length)
      await postgres.pool(broker.shop.staging).query(['BEGIN', ...statements, 'COMMIT'].join(';'))
    }
  })

  test('delegates nothing where a DBA grants', async () => {
    const { scripts } = await script('setup', 'orders-db', '--env', 'prod')
    expect(scripts).toHaveLength(1)
  })

  test.each([
    [
      'a target that is not there',
      ['setup', 'order-db', '--env', 'prod'],
      'Did you mean orders-db?',
    ],
    ['a target of another kind', ['setup', 'exports', '--env', 'staging'], 'no PostgreSQL target'],
    ['an environment that is not there', ['setup', 'orders-db', '--env', 'prd'], 'prod?'],
  ])('knows %s', async (_what, argv, message) => {
    const { status, stderr } = await credctl(...argv)
    expect(status).toBe(1)
    expect(stderr).toContain(message)
  })
})

describe('credctl postgres harden', () => {
  const asked = ['harden', 'orders-db', '--env', 'staging']

  test('prints alone, then runs, twice if asked, and takes itself back', async () => {
    expect((await script(...asked)).applied).toBe(false)
    expect(await hardened()).toBe(false)
    for (let run = 0; run < 2; run += 1) {
      const { status, stderr } = await credctl(...asked, '--apply', ...login())
      expect(status, stderr).toBe(0)
      expect(stderr).toContain('staging.orders-db is hardened')
    }
    expect(await hardened()).toBe(true)
    const undone = await credctl(...asked, '--undo', '--apply', ...login())
    expect(undone.status, undone.stderr).toBe(0)
    expect(await hardened()).toBe(false)
  })
})

async function roles(name: string): Promise<number> {
  const { rows } = await postgres
    .pool('postgres')
    .query('SELECT count(*)::int AS count FROM pg_roles WHERE rolname = $1', [name])
  return rows[0].count
}

async function hardened(): Promise<boolean> {
  const { rowCount } = await postgres
    .pool(broker.shop.staging)
    .query("SELECT FROM pg_event_trigger WHERE evtname = 'credctl_ddl_guard'")
  return rowCount === 1
}
