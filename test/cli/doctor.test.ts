import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { doctorOutput } from '../../src/cli/output/doctor.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
let home = ''
const scopes = resolve('task-scopes')

beforeAll(async () => {
  broker = await testBroker(postgres)
  home = await mkdtemp(join(tmpdir(), 'credctl-doctor-'))
})
afterAll(async () => {
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

async function doctor(...argv: readonly string[]) {
  const all = ['doctor', ...argv, '--output', 'json']
  const { status, stdout, stderr } = await runCredctl(all, { cwd: home })
  return { status, ...doctorOutput.parse(JSON.parse(stdout)), stdout, stderr }
}

/** The broker's configuration with one text replaced. */
async function changed(from: string, to: string): Promise<string> {
  const text = await readFile(broker.configFile, 'utf8')
  expect(text).toContain(from)
  const file = join(home, 'changed.yaml')
  await writeFile(file, text.replaceAll(from, to))
  return file
}

describe('credctl doctor', () => {
  test('finds nothing wrong where everything is right, and prints no secret', async () => {
    const { status, ok, results, stdout } = await doctor(
      '--scopes',
      scopes,
      '--config',
      broker.configFile,
    )
    expect(results.filter((result) => result.status === 'failed')).toEqual([])
    expect([ok, status]).toEqual([true, 0])
    const checks = new Set(results.map(({ check }) => check))
    expect([...checks].sort()).toEqual([
      'config',
      'issuers',
      'ledger',
      'scopes',
      'secrets',
      'targets',
    ])
    const password = await readFile(broker.shop.admin.passwordFile, 'utf8')
    expect(stdout).not.toContain(password)
  })

  test('names the secret that is missing and what to do, and everything else as well', async () => {
    const config = await changed(broker.shop.admin.passwordFile, '/nowhere/admin.password')
    const { status, results } = await doctor('--scopes', scopes, '--config', config)
    expect(status).toBe(1)
    expect(results).toContainEqual({
      check: 'secrets',
      subject: 'staging.orders-db.admin.password',
      status: 'failed',
      message: expect.stringContaining('file:/nowhere/admin.password cannot be read'),
      remedy:
        'Put the secret into /nowhere/admin.password, readable by the user of the broker alone.',
    })
    expect(results).toContainEqual(expect.objectContaining({ check: 'issuers', status: 'ok' }))
  })

  test('says that a ledger is not migrated, and how to', async () => {
    const database = await postgres.database('empty')
    const pool = postgres.pool(database)
    await pool.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`)
    await pool.query(`GRANT CONNECT ON DATABASE ${database} TO runtime_${broker.ledgerDatabase}`)
    const config = await changed(
      `"database":"${broker.ledgerDatabase}"`,
      `"database":"${database}"`,
    )
    const { results } = await doctor('--scopes', scopes, '--config', config)
    expect(results.find(({ check }) => check === 'ledger')).toMatchObject({
      status: 'failed',
      remedy: 'run credctl migrate',
    })
  })

  test('says that keys cannot be reached', async () => {
    const config = await changed(broker.issuers.agents, 'http://127.0.0.1:9')
    const { results } = await doctor('issuers', '--config', config)
    expect(results.find(({ subject }) => subject === 'agents')).toMatchObject({ status: 'failed' })
    expect(results.find(({ subject }) => subject === 'github')).toMatchObject({ status: 'ok' })
  })

  test('reports every problem of a configuration and stops there', async () => {
    const config = await changed('"nonprod"', '"almost-prod"')
    const { status, results } = await doctor('--scopes', scopes, '--config', config)
    expect(status).toBe(1)
    expect(results.length).toBeGreaterThan(1)
    expect(new Set(results.map(({ check }) => check))).toEqual(new Set(['config']))
  })
})

describe('credctl doctor postgres', () => {
  test('blocks on an old dump where PUBLIC may create, prints the fix, and mints after it', async () => {
    const asked = [
      'postgres',
      'orders-db',
      '--env',
      'staging',
      '--config',
      broker.configFile,
      '--scopes',
      scopes,
    ]
    const pool = postgres.pool(broker.shop.staging)
    await pool.query('GRANT CREATE ON SCHEMA public TO PUBLIC')
    const before = await doctor(...asked)
    expect(before.status).toBe(1)
    const finding = before.results.find(({ message }) => message.startsWith('schema_create'))
    expect(finding).toMatchObject({ status: 'failed', subject: 'staging.orders-db' })

    await pool.query(finding?.remedy ?? '')
    const after = await doctor(...asked)
    expect(after.results.filter(({ status }) => status === 'failed')).toEqual([])
    expect(after.status).toBe(0)
  })

  test('knows the targets there are', async () => {
    const argv = [
      'doctor',
      'postgres',
      'order-db',
      '--config',
      broker.configFile,
      '--scopes',
      scopes,
    ]
    const { status, stderr } = await runCredctl(argv, { cwd: home })
    expect(status).toBe(1)
    expect(stderr).toContain('no PostgreSQL target "order-db"')
    expect(stderr).toContain('Did you mean orders-db?')
  })
})
