import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient, type Grant } from '../../../examples/tour/client.ts'
import type { Config } from '../../../src/config.ts'
import type { Environment } from '../../../src/environment/environment.ts'
import { vaultPostgresTarget } from '../../../src/environment/target-vault.ts'
import { planScope } from '../../../src/plan/plan.ts'
import { requireCatalog } from '../../../src/scope/catalog.ts'
import { type TestBroker, testBroker } from '../../support/broker.ts'
import { testPostgres } from '../../support/postgres.ts'
import { call, setUpVault } from '../../support/vault/setup.ts'
import { FakeVault } from '../../support/vault/vault.ts'

const postgres = testPostgres()
const TASK = {
  scope: 'backfill-order-totals',
  environment: 'staging',
  intent: 'convert the totals',
  parameters: { ticket: 'ORD-1' },
}

/** The tour's broker, with its staging database behind Vault instead of an admin of its own. */
describe('a broker whose database is behind Vault', () => {
  const env: Record<string, string> = {}
  const direct: { environment?: Environment } = {}
  let fake: FakeVault
  let broker: TestBroker
  let client: Client

  beforeAll(async () => {
    fake = await new FakeVault().start()
    const configure = (config: Config) => {
      const staging = config.environments.get('staging')
      const target = staging?.targets['orders-db']
      assert(staging !== undefined && target?.kind === 'postgres')
      direct.environment = staging
      const { host, port, database, tls } = target
      const place = vaultPostgresTarget.parse({ host, port, database, tls, connection: 'orders' })
      const targets = {
        ...staging.targets,
        'orders-db': { kind: 'vault_postgres', ...place } as const,
      }
      const environments = new Map(config.environments).set('staging', { ...staging, targets })
      const vault = { address: fake.url, auth: { token: 'env:VAULT' as const } }
      return { ...config, environments, vault }
    }
    broker = await testBroker(postgres, { configure, env, sweepEveryMs: 50 })
    client = createClient(broker.url)
    await prepareVault()
  }, 60_000)
  afterAll(async () => {
    await broker.close()
    await fake.close()
  })

  const planIn = async (environment: Environment | undefined) => {
    const found = (await requireCatalog('task-scopes')).scopes.get(TASK.scope)
    assert(found !== undefined && environment !== undefined)
    const planned = planScope(found.scope, environment, TASK.parameters)
    assert(planned.ok)
    return planned.plan
  }

  async function prepareVault(): Promise<void> {
    const plan = (await planIn(direct.environment)).targets['orders-db']
    assert(plan?.kind === 'postgres')
    const { database } = plan
    const root = postgres.pool(database)
    const to = { host: postgres.host, port: postgres.port, database, user: 'vault_orders' }
    await root.query("CREATE ROLE vault_orders LOGIN CREATEROLE PASSWORD 'of-the-test'")
    await root.query(`GRANT CONNECT ON DATABASE ${database} TO vault_orders`)
    await root.query(plan.statements.join('; '))
    const membership = 'WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'
    await root.query(`GRANT "${plan.groupRole}" TO vault_orders ${membership}`)
    env['VAULT'] = await setUpVault(fake, 'orders', { ...to, password: 'of-the-test' })
  }

  async function granted(): Promise<Grant> {
    const token = await broker.issuers.agent({
      sub: `agent-${crypto.randomUUID()}`,
      team: 'orders',
    })
    const grant = await client.requestGrant(token, TASK)
    assert('token' in grant, JSON.stringify(grant))
    return grant
  }

  async function entries(grant: Grant): Promise<Record<string, unknown>[]> {
    const sql = 'SELECT body FROM credctl_ledger.entries WHERE grant_id = $1 ORDER BY index'
    const { rows } = await postgres.pool(broker.ledgerDatabase).query(sql, [grant.id])
    return rows.map(({ body }) => JSON.parse(body.toString()))
  }

  it('gives the same plan, to the digest, as one with an admin of its own', async () => {
    const behind = await planIn(broker.config.environments.get('staging'))
    expect(behind).toEqual(await planIn(direct.environment))
    const [decided] = await entries(await granted())
    expect(decided?.['plan']).toBe(behind.digest)
  })

  it('gives the same privileges, table by table and column by column', async () => {
    const grant = await granted()
    const { user, database } = await client.postgresCredential(grant, 'orders-db')
    const plan = (await planIn(direct.environment)).targets['orders-db']
    assert(plan?.kind === 'postgres')
    const sql = `SELECT c.oid::regclass::text AS relation, p AS privilege FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) p
      WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace = 'public'::regnamespace AND has_table_privilege($1, c.oid, p) ORDER BY 1, 2`
    const root = postgres.pool(database)
    const has = async (role: string) => (await root.query(sql, [role])).rows
    expect((await has(user)).length).toBeGreaterThan(0)
    expect(await has(user)).toEqual(await has(plan.groupRole))
    await client.endGrant(grant)
  })

  it('records the accessor before the login exists, and the lease before anybody has it', async () => {
    const grant = await granted()
    const { user } = await client.postgresCredential(grant, 'orders-db')
    const [, requested, minted] = await entries(grant)
    const accessor = expect.stringMatching(/^[A-Za-z0-9]{10,}$/)
    expect(requested).toMatchObject({
      kind: 'credential.requested',
      handle: { kind: 'vault', accessor },
    })
    expect(requested?.['handle']).not.toHaveProperty('lease')
    const [lease] = [...fake.leases.all.keys()].slice(-1)
    expect(minted).toMatchObject({ fingerprint: user, handle: { accessor, lease } })
    await client.endGrant(grant)
  })

  it('ends the login, its session, its lease and its token with the grant', async () => {
    const grant = await granted()
    const credential = await client.postgresCredential(grant, 'orders-db')
    const { host, port, database, user, password } = credential
    const session = await postgres.client({ host, port, database, user, password })
    const ended = new Promise((resolve) => session.once('end', resolve))
    expect((await client.endGrant(grant)).ok).toBe(true)
    await ended
    expect(fake.leases.all.size).toBe(0)
    const last = (await entries(grant)).at(-1)
    expect(last).toMatchObject({ kind: 'credential.revoked', outcome: 'gone' })
  })

  const asked = async (grant: Grant, query: string) => {
    const headers = { authorization: `Bearer ${grant.token}` }
    const response = await fetch(`${broker.url}/v1/credentials/orders-db${query}`, { headers })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }
  const reported = async (grant: Grant, body: string) => {
    const headers = { authorization: `Bearer ${grant.token}`, 'content-type': 'application/json' }
    const url = `${broker.url}/v1/credentials/orders-db/unwrap-failed`
    const response = await fetch(url, { method: 'POST', headers, body })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }
  const unwrap = (token: string) => call(fake, 'POST', 'sys/wrapping/unwrap', {}, token)

  it('gives the credential wrapped when asked to, and the agent opens it once', async () => {
    const grant = await granted()
    const { status, body } = await asked(grant, '?wrap=60s')
    expect(status).toBe(200)
    const { token, accessor, ...rest } = body.wrapped
    expect(rest).toMatchObject({
      ttl: 60,
      creation_path: 'sys/wrapping/wrap',
      address: fake.url,
    })
    const opened = await unwrap(token)
    expect(opened.body.data).toEqual(await client.postgresCredential(grant, 'orders-db'))
    expect(JSON.stringify(await entries(grant))).not.toContain(token)
    expect((await entries(grant)).at(-1)).toMatchObject({ kind: 'credential.wrapped', accessor })
    await client.endGrant(grant)
  })

  it('ends everything when the agent finds that somebody else has opened it', async () => {
    const grant = await granted()
    const { body } = await asked(grant, '?wrap=60s')
    const { token, accessor } = body.wrapped
    expect((await reported(grant, JSON.stringify({ accessor }))).body).toEqual({
      finding: 'closed',
    })
    const stolen = (await unwrap(token)).body.data ?? {}
    expect((await unwrap(token)).status).toBe(400)
    expect(await reported(grant, JSON.stringify({ accessor }))).toEqual({
      status: 200,
      body: { finding: 'taken' },
    })
    const kinds = (await entries(grant)).map(({ kind }) => kind)
    expect(kinds.slice(-3)).toEqual([
      'credential.wrapping_alarm',
      'grant.ended',
      'credential.revoked',
    ])
    const { host, port, database, user, password } = stolen
    const place = { host: String(host), port: Number(port), database: String(database) }
    const login = { user: String(user), password: String(password) }
    await expect(postgres.client({ ...place, ...login })).rejects.toMatchObject({ code: '28P01' })
    expect((await asked(grant, '')).status).toBe(410)
    const metrics = await (await fetch(`${broker.url}/metrics`)).text()
    expect(metrics).toContain('credctl_wrapping_reports_total{finding="taken"} 1')
  })

  it('refuses any other wrap than a bound time, once, and mints nothing', async () => {
    const grant = await granted()
    for (const query of [
      '?wrap=',
      '?wrap=60',
      '?wrap=4s',
      '?wrap=601s',
      '?wrap=1m',
      '?wrap=060s',
      '?wrap=60s&wrap=60s',
      '?wrap=6e1s',
      '?warp=60s',
      '?wrap=-60s',
      '?wrap=60s%00',
    ]) {
      const { status, body } = await asked(grant, query)
      expect([status, body.code], query).toEqual([400, 'request_invalid'])
    }
    expect(await entries(grant)).toHaveLength(1)
    await client.endGrant(grant)
  })

  it('refuses a report of anything but one accessor', async () => {
    const grant = await granted()
    for (const report of [
      'x',
      '{}',
      '{"accessor":"abcdefghij","token":"s.x"}',
      '{"accessor":"abcdefghij","accessor":"abcdefghik"}',
      '{"accessor":"../sys/seal"}',
      '{"accessor":12345678}',
      JSON.stringify({ accessor: 'a'.repeat(257) }),
    ]) {
      const { status, body } = await reported(grant, report)
      expect([status, body.code], report).toEqual([400, 'request_invalid'])
    }
    const unknown = await reported(grant, '{"accessor":"abcdefghij"}')
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found'])
    await client.endGrant(grant)
  })

  it('leaves nothing when Vault loses its answer: the sweep ends what was made', async () => {
    const grant = await granted()
    fake.interfere = ({ path }, response) => {
      if (!path.startsWith('database/creds/')) return false
      const { end } = response
      response.end = () => {
        response.socket?.destroy()
        response.end = end
        return response
      }
      return false
    }
    const answer = await client.fetchCredential(grant, 'orders-db')
    fake.interfere = () => false
    expect(answer.status).toBe(503)
    await expect.poll(() => fake.leases.all.size).toBe(0)
    await expect
      .poll(async () => (await entries(grant)).at(-1))
      .toMatchObject({ kind: 'credential.failed', code: 'target_unavailable' })
    const tokens = [...fake.tokens.all.values()].filter(({ meta }) => meta['grant'] === grant.id)
    expect(tokens).toEqual([])
    await client.endGrant(grant)
  })

  it('puts no secret into the log, the ledger or an error', async () => {
    const grant = await granted()
    const { password } = await client.postgresCredential(grant, 'orders-db')
    const token = env['VAULT'] ?? ''
    const text = JSON.stringify(await entries(grant))
    expect(text).not.toContain(password)
    expect(text).not.toContain(token)
    for (const each of fake.tokens.all.keys()) expect(text).not.toContain(each)
    await client.endGrant(grant)
  })

  it('tries until Vault is there again when it is sealed at the end of a grant', async () => {
    const grant = await granted()
    await client.postgresCredential(grant, 'orders-db')
    await fake.seal()
    await client.endGrant(grant)
    expect((await entries(grant)).at(-1)).toMatchObject({ kind: 'grant.ended' })
    await fake.unseal()
    await expect
      .poll(async () => (await entries(grant)).at(-1), { timeout: 15_000 })
      .toMatchObject({ kind: 'credential.revoked', outcome: 'gone' })
    expect(fake.leases.all.size).toBe(0)
  }, 30_000)
})
