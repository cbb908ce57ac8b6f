import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestBroker, testBroker } from '../../support/broker.ts'
import { testPostgres } from '../../support/postgres.ts'
import { runCredctl } from '../session.ts'

const postgres = testPostgres()
let broker: TestBroker
let home = ''
let env: Record<string, string> = {}

const TASK = ['--scope', 'backfill-order-totals', '--env', 'staging', '--param', 'ticket=ORD-1']

beforeAll(async () => {
  broker = await testBroker(postgres)
  home = await mkdtemp(join(tmpdir(), 'credctl-dry-'))
  const file = join(home, 'identity')
  await writeFile(file, await broker.issuers.agent({ sub: 'agent-7', team: 'orders' }))
  env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: file, TMPDIR: home }
})
afterAll(async () => {
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

const TASK_CODE = `
  const { default: pg } = await import('${import.meta.resolve('pg')}')
  const client = new pg.Client()
  await client.connect()
  const { rowCount } = await client.query('UPDATE public.orders SET total = total + 1')
  const ddl = await client.query('CREATE TABLE mine (n int)').catch((error) => error.message)
  await client.end()
  console.log(JSON.stringify({ rowCount, ddl, aws: process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? null }))`

test('exec --dry-run lets the task run and leaves the database as it was', async () => {
  const database = broker.config.environments.get('staging')?.targets['orders-db']
  if (database === undefined || !('database' in database)) throw new Error('no database')
  const orders = async () =>
    (await postgres.pool(database.database).query('SELECT * FROM orders ORDER BY id')).rows
  const before = await orders()
  const task = [process.execPath, '--input-type=module', '-e', TASK_CODE]
  const outcome = await runCredctl(['exec', ...TASK, '--dry-run', '--', ...task], {
    cwd: home,
    env,
  })
  expect(outcome.status, outcome.stderr).toBe(0)
  const { rowCount, ddl, aws } = JSON.parse(outcome.stdout)
  expect(rowCount).toBe(before.length)
  expect(ddl).toContain('permission denied')
  expect(aws).toBeNull()
  expect(outcome.stderr).toContain(
    `dry run: orders-db: public.orders would have ${before.length} updated`,
  )
  expect(await orders()).toEqual(before)
})

test('a dry run of a task that somebody else holds is refused', async () => {
  const outcome = await runCredctl(['exec', '--grant', 'x', '--dry-run', '--', 'true'], {
    cwd: home,
    env,
  })
  expect(outcome.status).toBe(2)
})
