import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Client, createClient } from '../../examples/tour/client.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'

/** `CREDCTL_KILLS=20 npm test -- test/lifecycle/kill.test.ts` for the long form. */
const KILLS = Number(process.env['CREDCTL_KILLS'] ?? 4)
const LOAD = 6
const WAIT = { timeout: 20_000, interval: 2 }

const SCOPE = `
name: hammer
owner: team-orders
description: Takes and leaves credentials as fast as it can.
allow: [{ caller: agent, issuer: agents, claims: { team: orders } }]
environments: [staging]
ttl: 10m
access:
  orders-db: { postgres: { tables: { public.orders: [select] } } }
`
const TASK = { scope: 'hammer', environment: 'staging', intent: 'be killed', parameters: {} }

describe('a broker that is killed under load, again and again', () => {
  const postgres = testPostgres()
  const acknowledged = {
    grants: new Set<string>(),
    logins: new Set<string>(),
    ended: new Set<string>(),
  }
  let broker: TestBroker
  let scopes: string

  beforeAll(
    async () => {
      scopes = await mkdtemp(join(tmpdir(), 'credctl-scopes-'))
      await writeFile(join(scopes, 'hammer.yaml'), SCOPE)
      broker = await testBroker(postgres, { scopes })
      // From here on the processes that are to be killed have the port.
      await broker.running.close()
      for (let kill = 0; kill < KILLS; kill += 1) await oneLife(kill)
    },
    30_000 + KILLS * 10_000,
  )
  afterAll(() => broker?.close())

  it('has acknowledged work that it then had to account for', () => {
    expect(acknowledged.grants.size).toBeGreaterThan(KILLS)
    expect(acknowledged.logins.size).toBeGreaterThan(KILLS)
  })

  it('leaves no login without a live grant, and loses nothing it acknowledged', async () => {
    const child = await start(200)
    try {
      await expect.poll(() => rows('credentials', `status = 'requested'`), POLL).toBe(0)
      await expect.poll(orphans, POLL).toEqual([])
      expect(await known(acknowledged.grants)).toEqual([])
      expect(await endedAmong(acknowledged.ended)).toBe(acknowledged.ended.size)
      await endEverything()
      await expect.poll(logins, POLL).toEqual([])
    } finally {
      await kill(child)
    }
  }, 60_000)

  const POLL = { timeout: 20_000, interval: 200 }

  async function oneLife(life: number): Promise<void> {
    const child = await start(60_000)
    const client = createClient(broker.url)
    const token = await broker.issuers.agent({ sub: `agent-${life}`, team: 'orders' })
    const state = { over: false }
    const load = Array.from({ length: LOAD }, () => hammer(client, token, state))
    try {
      // Busy first, however slow the machine; then at another moment each time.
      const enough = acknowledged.logins.size + 3
      await vi.waitFor(() => expect(acknowledged.logins.size).toBeGreaterThanOrEqual(enough), WAIT)
      await new Promise((resolve) => setTimeout(resolve, (life * 37) % 150))
    } finally {
      state.over = true
      await kill(child)
      await Promise.all(load)
    }
  }

  /** Every answer counts from the moment it is here; a broken connection counts for nothing. */
  async function hammer(client: Client, token: string, state: { over: boolean }): Promise<void> {
    for (let turn = 0; !state.over; turn += 1) {
      try {
        const grant = await client.requestGrant(token, TASK)
        if (!('token' in grant)) continue
        acknowledged.grants.add(grant.id)
        acknowledged.logins.add((await client.postgresCredential(grant, 'orders-db')).user)
        if (turn % 2 === 0 && (await client.endGrant(grant)).ok) acknowledged.ended.add(grant.id)
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
  }

  async function start(orphanAfterMs: number): Promise<ChildProcess> {
    const args = [
      'test/support/broker-process.ts',
      broker.configFile,
      scopes,
      String(orphanAfterMs),
    ]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    if (child.stdout === null) throw new Error('no output')
    await once(createInterface(child.stdout), 'line')
    return child
  }

  async function kill(child: ChildProcess): Promise<void> {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  async function logins(): Promise<string[]> {
    const { rows: found } = await postgres
      .pool()
      .query<{ rolname: string }>(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'cbg\\_%'`)
    return found.map(({ rolname }) => rolname)
  }

  /** Logins whose grant is not live, or whose credential is not a minted one. */
  async function orphans(): Promise<string[]> {
    const { rows: live } = await ledger(
      `SELECT lower(g.id) AS id FROM credctl_ledger.grants g
       JOIN credctl_ledger.credentials c ON c.grant_id = g.id AND c.status = 'minted'
       WHERE g.ended IS NULL AND g.expires > now()`,
    )
    const ids = new Set(live.map(({ id }) => id))
    return (await logins()).filter((login) => !ids.has(login.split('_')[1] ?? ''))
  }

  async function known(grants: ReadonlySet<string>): Promise<string[]> {
    const { rows: found } = await ledger('SELECT id FROM credctl_ledger.grants')
    const ids = new Set(found.map(({ id }) => id))
    return [...grants].filter((id) => !ids.has(id))
  }

  async function endedAmong(grants: ReadonlySet<string>): Promise<number> {
    const { rows: found } = await ledger(
      'SELECT id FROM credctl_ledger.grants WHERE ended IS NOT NULL',
    )
    return found.filter(({ id }) => grants.has(id)).length
  }

  async function endEverything(): Promise<void> {
    const operator = await broker.issuers.person({ sub: 'operator-1', role: 'platform-operator' })
    const headers = { authorization: `Bearer ${operator}` }
    const { rows: live } = await ledger('SELECT id FROM credctl_ledger.grants WHERE ended IS NULL')
    for (const { id } of live) {
      const response = await fetch(`${broker.url}/v1/grants/${id}`, { method: 'DELETE', headers })
      expect(response.status).toBe(200)
    }
  }

  async function rows(table: string, condition: string): Promise<number> {
    const { rowCount } = await ledger(
      `SELECT 1 AS id FROM credctl_ledger.${table} WHERE ${condition}`,
    )
    return rowCount ?? 0
  }

  async function ledger(sql: string) {
    return await postgres.pool(broker.ledgerDatabase).query<{ id: string }>(sql)
  }
})
