import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { testPostgres } from '../../support/postgres.ts'
import type { ChaosOrders } from './chaos-broker.ts'
import { createWorld, mintOn, type World } from './database.ts'

/** `npm run test:chaos` sets it to 1,000; the default suite shows the same with fewer. */
const TOTAL = Number(process.env['CREDCTL_CHAOS'] ?? '30')
const BROKER = new URL('./chaos-broker.ts', import.meta.url)
const BROKERS = 2
const CONCURRENCY = 8
const ACCESS = { tables: { 'public.orders': ['select', 'update'] } }

const postgres = testPostgres()
const directory = mkdtempSync(join(tmpdir(), 'credctl-chaos-'))
const ledger = join(directory, 'ledger')
const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

function lines(kind: 'requested' | 'gone'): Set<string> {
  const all = readFileSync(ledger, 'utf8').split('\n')
  return new Set(
    all.filter((line) => line.startsWith(kind)).map((line) => line.split(' ')[1] ?? ''),
  )
}

/**
 * Starts a broker and kills it once so many logins have ended, which is in the middle of its other
 * work, however slow the machine is. Resolves when it is gone.
 */
async function brokerThatDies(world: World, after: number): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(BROKER)], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  running.add(child)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const orders: ChaosOrders = {
    environment: world.environment,
    password: world.admin.password,
    access: ACCESS,
    ledger,
    count: TOTAL,
    concurrency: CONCURRENCY,
  }
  child.stdin?.end(JSON.stringify(orders))
  const before = lines('gone').size
  while (child.exitCode === null && lines('gone').size < before + after) await pause(10)
  child.kill('SIGKILL')
  await ended
  running.delete(child)
}

it(`mints and revokes ${TOTAL} times at once`, { timeout: 60_000 + TOTAL * 1_000 }, async () => {
  const world = await createWorld(postgres)
  await world.delegate(ACCESS)
  const mint = world.mint()
  const grants = Array.from({ length: TOTAL }, () => world.grant(ACCESS))
  await Promise.all(
    grants.map(async (grant) => {
      const { handle } = await mintOn(mint, grant)
      await mint.revoke(handle)
    }),
  )
  const group = world.plan(ACCESS).groupRole
  expect(await mint.collectGroups([])).toEqual({ dropped: [group], left: [] })
  await mint.close()
  const { rowCount } = await world.root.query("SELECT FROM pg_roles WHERE rolname LIKE 'cbg\\_%'")
  expect(rowCount).toBe(0)
})

it(`leaves nothing behind after ${TOTAL} mints by brokers that are killed at random`, {
  timeout: 60_000 + TOTAL * 1_000,
}, async () => {
  writeFileSync(ledger, '')
  const world = await createWorld(postgres)
  await world.delegate(ACCESS)
  const one = async () => {
    while (lines('requested').size < TOTAL) await brokerThatDies(world, 1 + Math.random() * 20)
  }
  await Promise.all(Array.from({ length: BROKERS }, one))

  // All brokers are dead: for a ledger every one of these credentials is over.
  const requested = lines('requested')
  const word = async (login: string) =>
    requested.has(login) ? ('finished' as const) : ('unknown' as const)
  const mint = world.mint()
  const sweep = () => mint.reconcile({ now: new Date(), expected: [], word })
  for (let found = await sweep(); found.dropped.length > 0; found = await sweep()) {
    expect(found).toMatchObject({ unknown: [], failed: [] })
  }
  await mint.close()
  const { rows } = await world.root.query(`SELECT
    (SELECT count(*)::int FROM pg_roles WHERE rolname LIKE 'cbg\\_%') AS logins,
    (SELECT count(*)::int FROM pg_stat_activity WHERE usename LIKE 'cbg\\_%'
      OR (backend_type = 'client backend' AND usename IS NULL)) AS sessions,
    (SELECT count(*)::int FROM pg_auth_members m WHERE NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = m.member)) AS members,
    (SELECT count(*)::int FROM pg_roles WHERE rolname LIKE 'cbs\\_%') AS groups`)
  expect(rows[0]).toEqual({ logins: 0, sessions: 0, members: 0, groups: 1 })
  // Some died between a mint and its end: otherwise this has shown nothing.
  expect(lines('gone').size).toBeGreaterThan(0)
  expect(requested.size).toBeGreaterThan(lines('gone').size)
})
