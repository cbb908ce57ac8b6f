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
/** Lives that a broker may have before the work must be done. */
const LIVES = 40 + TOTAL
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

/** Starts a broker and kills it at some moment of its work; resolves when it is gone. */
async function brokerThatDies(world: World, lifetimeMs: number): Promise<void> {
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
  await Promise.race([ended, pause(lifetimeMs)])
  child.kill('SIGKILL')
  await ended
  running.delete(child)
}

it(`leaves nothing behind after ${TOTAL} mints by brokers that are killed at random`, {
  timeout: 60_000 + TOTAL * 1_000,
}, async () => {
  writeFileSync(ledger, '')
  const world = await createWorld(postgres)
  await world.delegate(ACCESS)
  const one = async () => {
    for (let life = 0; lines('requested').size < TOTAL; life += 1) {
      expect(life, 'brokers that die before they did anything').toBeLessThan(LIVES)
      // Longer each time: on a slow machine a short life ends before the start does.
      await brokerThatDies(world, 800 + life * 50 + Math.random() * 1_500)
    }
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
