import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { postgresTarget } from '../../../src/environment/target-postgres.ts'
import { CredctlError } from '../../../src/errors.ts'
import type { PostgresMint } from '../../../src/mint/postgres/mint.ts'
import { postgresMint } from '../../../src/mint/postgres/mint.ts'
import { requireServer } from '../../../src/mint/postgres/readiness.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { testPostgres } from '../../support/postgres.ts'
import { createWorld, mintOn, refusalOf, type World } from './database.ts'

// Everything is logged, so that a test can look for secrets in the log.
const postgres = testPostgres({
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'all.log',
  log_statement: 'all',
  log_min_duration_statement: '0',
  log_line_prefix: '%u ',
})
const ACCESS = {
  tables: { 'public.orders': ['select', 'update'], 'public.currency_rates': ['select'] },
}

const open: PostgresMint[] = []
afterEach(async () => {
  for (const mint of open.splice(0)) await mint.close()
})
function opened(mint: PostgresMint): PostgresMint {
  open.push(mint)
  return mint
}

async function delegated(access: unknown, given = 'SELECT 1'): Promise<World> {
  const world = await createWorld(postgres)
  await world.root.query(given)
  await world.delegate(access)
  return world
}

describe('a minted login', () => {
  it('can do what the scope says and nothing else, until it is revoked', async () => {
    const world = await delegated(ACCESS)
    const mint = opened(world.mint())
    const { credential, handle, minted } = await mintOn(mint, world.grant(ACCESS))
    expect(credential.user).toMatch(/^cbg_[0-9a-z]{26}_[0-9a-z]{10}$/)
    expect(minted.facts).toEqual({ group_role: world.plan(ACCESS).groupRole })
    const client = await world.login(credential)
    const updated = await client.query('UPDATE orders SET total = 5 WHERE id = 1 RETURNING id')
    expect(updated.rowCount).toBe(1)
    for (const sql of ['DELETE FROM orders', 'SELECT * FROM customers', 'DROP TABLE orders']) {
      expect(await refusalOf(client.query(sql)), sql).toBe('42501')
    }
    const ended = new Promise((resolve) => client.once('end', resolve))
    expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
    await ended
    expect(await refusalOf(world.login(credential))).toBe('28P01')
  })

  it('can be used through its URI, which carries the session defaults', async () => {
    const access = { ...ACCESS, limits: { statement: '7s', idle_in_transaction: '9s' } }
    const world = await delegated(access)
    const { credential } = await mintOn(opened(world.mint()), world.grant(access))
    const client = new pg.Client(credential.uri)
    await client.connect()
    const shown = await client.query(
      "SELECT current_setting('statement_timeout') AS a, current_setting('idle_in_transaction_session_timeout') AS b",
    )
    expect(shown.rows[0]).toEqual({ a: '7s', b: '9s' })
    await client.end()
  })

  it('expires with its grant and cannot log in more often than allowed', async () => {
    const access = { ...ACCESS, limits: { connections: 2 } }
    const world = await delegated(access)
    const grant = world.grant(access)
    const { credential } = await mintOn(opened(world.mint()), grant)
    expect(credential.expires_at).toBe(grant.expiresAt.toISOString())
    const { rows } = await world.root.query('SELECT * FROM pg_roles WHERE rolname = $1', [
      credential.user,
    ])
    expect(rows[0]).toMatchObject({
      rolvaliduntil: grant.expiresAt,
      rolconnlimit: 2,
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolreplication: false,
      rolbypassrls: false,
    })
    await world.login(credential)
    await world.login(credential)
    expect(await refusalOf(world.login(credential))).toBe('53300')
  })

  it('is a member of its group role only, without SET and without ADMIN', async () => {
    const world = await delegated(ACCESS)
    const { credential } = await mintOn(opened(world.mint()), world.grant(ACCESS))
    const { rows } = await world.root.query(
      `SELECT roleid::regrole::text AS "group", inherit_option, set_option, admin_option
       FROM pg_auth_members WHERE member = $1::regrole`,
      [credential.user],
    )
    const group = world.plan(ACCESS).groupRole
    expect(rows).toEqual([{ group, inherit_option: true, set_option: false, admin_option: false }])
  })

  it('never lets its password reach the server, even with every statement logged', async () => {
    const world = await delegated(ACCESS)
    const { credential } = await mintOn(opened(world.mint()), world.grant(ACCESS))
    await (await world.login(credential)).query('SELECT 1 AS marker')
    const { rows } = await world.root.query('SHOW data_directory')
    const directory = join(rows[0].data_directory, 'log')
    const log = readdirSync(directory)
      .map((name) => readFileSync(join(directory, name), 'utf8'))
      .join('\n')
    expect(log).toContain(`${credential.user} LOG:`)
    expect(log).toContain(`CREATE ROLE "${credential.user}"`)
    expect(log).not.toContain(credential.password)
    expect(log).not.toContain(world.admin.password)
  })
})

describe('declared access', () => {
  it('gives columns, and only them', async () => {
    const access = { tables: { 'public.customers': { select: ['id', 'name'], update: ['name'] } } }
    const world = await delegated(access)
    const { credential } = await mintOn(opened(world.mint()), world.grant(access))
    const client = await world.login(credential)
    expect((await client.query('SELECT id, name FROM customers')).rowCount).toBe(2)
    expect((await client.query("UPDATE customers SET name = 'X' WHERE id = 1")).rowCount).toBe(1)
    expect(await refusalOf(client.query('SELECT card FROM customers'))).toBe('42501')
    expect(await refusalOf(client.query("UPDATE customers SET card = ''"))).toBe('42501')
  })

  it('gives a sequence where a serial column needs one, and identity columns need none', async () => {
    const access = {
      tables: { 'public.customers': ['select', 'insert'], 'public.orders': ['select', 'insert'] },
      sequences: ['public.customers_id_seq'],
    }
    const world = await delegated(access)
    const { credential } = await mintOn(opened(world.mint()), world.grant(access))
    const client = await world.login(credential)
    expect((await client.query("INSERT INTO customers (name) VALUES ('C')")).rowCount).toBe(1)
    expect(
      (await client.query("INSERT INTO orders (customer, total) VALUES ('C', 1)")).rowCount,
    ).toBe(1)
    expect(await refusalOf(client.query("SELECT setval('customers_id_seq', 1)"))).toBe('42501')
  })

  it('gives views and materialised views by their own list', async () => {
    const access = { views: { 'public.totals': ['select'], 'public.summary': ['select'] } }
    const views =
      'CREATE VIEW totals AS SELECT id, total FROM orders; CREATE MATERIALIZED VIEW summary AS SELECT 1 AS one'
    const world = await delegated(access, views)
    const { credential } = await mintOn(opened(world.mint()), world.grant(access))
    const client = await world.login(credential)
    expect((await client.query('SELECT * FROM totals')).rowCount).toBe(20)
    expect((await client.query('SELECT * FROM summary')).rowCount).toBe(1)
    expect(await refusalOf(client.query('SELECT * FROM orders'))).toBe('42501')
  })

  it('reaches partitions through their parent only', async () => {
    const access = { tables: { 'public.events': ['select', 'insert'] } }
    const tables =
      'CREATE TABLE events (at int) PARTITION BY RANGE (at); CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10)'
    const world = await delegated(access, tables)
    const { credential } = await mintOn(opened(world.mint()), world.grant(access))
    const client = await world.login(credential)
    expect((await client.query('INSERT INTO events VALUES (1)')).rowCount).toBe(1)
    expect(await refusalOf(client.query('SELECT * FROM events_1'))).toBe('42501')
  })

  it.for([
    ['upper case', 'public."Orders"', 'public."Orders"'],
    [
      'a quote and a semicolon',
      'public."or""; DROP TABLE x; --"',
      'public."or""; DROP TABLE x; --"',
    ],
    ['a dot', 'public."or.ders"', 'public."or.ders"'],
    ['other letters', 'public."заказы"', 'public."заказы"'],
    ['a keyword', 'public."select"', 'public."select"'],
    ['63 bytes', `public.${'t'.repeat(63)}`, `public.${'t'.repeat(63)}`],
    ['a backslash', 'public."or\\ders"', 'public."or\\ders"'],
    ['a percent sign and a dollar', 'public."%I $1"', 'public."%I $1"'],
  ])('works for a table whose name has %s', async ([, name, sql]) => {
    const access = { tables: { [name ?? '']: ['select'] } }
    const world = await delegated(access, `CREATE TABLE ${sql} (id int)`)
    const { credential, handle } = await mintOn(opened(world.mint()), world.grant(access))
    const client = await world.login(credential)
    expect((await client.query(`SELECT * FROM ${sql}`)).rowCount).toBe(0)
    expect(await open[0]?.revoke(handle)).toEqual({ outcome: 'gone' })
  })
})

describe('minting at the same time', () => {
  it('creates one group role, whoever asks first, also through two brokers', async () => {
    const world = await delegated(ACCESS)
    const brokers = [opened(world.mint()), opened(world.mint())]
    const minted = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const mint = brokers[index % 2]
        if (mint === undefined) throw new Error('two brokers')
        return await mintOn(mint, world.grant(ACCESS))
      }),
    )
    expect(new Set(minted.map(({ credential }) => credential.password)).size).toBe(20)
    const groups = await world.root.query('SELECT FROM pg_roles WHERE rolname = $1', [
      world.plan(ACCESS).groupRole,
    ])
    expect(groups.rowCount).toBe(1)
    await Promise.all(minted.map(({ handle }) => brokers[0]?.revoke(handle)))
    const left = await world.root.query('SELECT FROM pg_roles WHERE rolname = ANY ($1)', [
      minted.map(({ credential }) => credential.user),
    ])
    expect(left.rowCount).toBe(0)
  })

  it('keeps plans of two databases of one server apart', async () => {
    const [one, two] = [await delegated(ACCESS), await delegated(ACCESS)]
    expect(one.plan(ACCESS).groupRole).not.toBe(two.plan(ACCESS).groupRole)
    const { credential } = await mintOn(opened(one.mint()), one.grant(ACCESS))
    expect(await refusalOf(one.login({ ...credential, database: two.database }))).toBe('42501')
  })
})

describe('minting is refused', () => {
  it('for a name that exists, without touching what has it', async () => {
    const world = await delegated(ACCESS)
    const mint = opened(world.mint())
    const grant = world.grant(ACCESS)
    const handle = mint.handle(grant, 'db', grant.id)
    await mint.mint(grant, 'db', handle)
    await expect(mint.mint(grant, 'db', handle)).rejects.toMatchObject({
      code: 'target_refused',
      message: expect.stringContaining('42710'),
    })
  })

  it('when the clocks of broker and database differ, and leaves nothing useful', async () => {
    const world = await delegated(ACCESS)
    const ahead = { now: () => new Date(Date.now() + 60_000) }
    await expect(mintOn(opened(world.mint({}, ahead)), world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_refused',
      message: expect.stringMatching(/differ by 60 s/),
    })
  })

  it('by an old server, with the reason', async () => {
    const answering = (row: Record<string, unknown>) => ({
      query: async () => [row],
      batch: async () => [],
    })
    const fine = { standby: false, role: 'broker_grants', path: 'pg_catalog' }
    const old = answering({ ...fine, version: 150_018 })
    await expect(requireServer(old, 'broker_grants')).rejects.toMatchObject({
      code: 'target_refused',
      message: expect.stringMatching(
        /^PostgreSQL 15 is too old: before 16, a role with CREATEROLE/,
      ),
    })
    await requireServer(answering({ ...fine, version: 160_000 }), 'broker_grants')
  })

  it.for([
    ['by a standby', { standby: true }, 'target_unavailable'],
    ['through a pooler that drops the role', { role: 'broker' }, 'target_refused'],
    ['through a pooler that drops the search path', { path: '"$user", public' }, 'target_refused'],
  ] as const)('%s', async ([, different, code]) => {
    const fine = { version: 180_004, standby: false, role: 'r', path: 'pg_catalog' }
    const session = { query: async () => [{ ...fine, ...different }], batch: async () => [] }
    await expect(requireServer(session, 'r')).rejects.toMatchObject({ code })
  })

  it('without the second role, with what to run', async () => {
    const world = await delegated(ACCESS)
    await world.root.query(`ALTER ROLE ${world.admin.user}_grants RENAME TO moved_away`)
    await expect(mintOn(opened(world.mint()), world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_refused',
      hint: expect.stringContaining('credctl postgres setup'),
    })
    await world.root.query(`ALTER ROLE moved_away RENAME TO ${world.admin.user}_grants`)
  })

  it('while the server is down, and works when it is back', async () => {
    const world = await delegated(ACCESS)
    const mint = opened(world.mint({ port: 1 }))
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  it('by a server without TLS when TLS is required', async () => {
    const world = await delegated(ACCESS)
    const mint = opened(world.mint({ tls: 'verify-full' }))
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_refused',
      message: expect.stringContaining('no TLS'),
    })
  })

  it('when the owner has not let the broker pass on the tables', async () => {
    const world = await createWorld(postgres)
    await expect(mintOn(opened(world.mint()), world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_refused',
      message: expect.stringContaining('42501'),
      hint: expect.stringContaining('credctl postgres setup'),
    })
    const { rowCount } = await world.root.query('SELECT FROM pg_roles WHERE rolname = $1', [
      world.plan(ACCESS).groupRole,
    ])
    expect(rowCount).toBe(0)
  })
})

describe("the admin's secret", () => {
  function mintWith(world: World, passwords: string[]): PostgresMint {
    const { host, port, database } = { ...postgres, database: world.database }
    const admin = { user: world.admin.user, password: 'env:ADMIN' }
    const target = postgresTarget.parse({ host, port, database, tls: 'disable', admin })
    const resolve = async () =>
      new Secret(passwords.length > 1 ? (passwords.shift() ?? '') : (passwords[0] ?? ''))
    return opened(postgresMint(target, { resolve }))
  }

  it('is read again once when it was rotated meanwhile', async () => {
    const world = await delegated(ACCESS)
    const mint = mintWith(world, ['old', world.admin.password])
    await mintOn(mint, world.grant(ACCESS))
  })

  it('leaves no connection open when it cannot be read', async () => {
    const world = await delegated(ACCESS)
    const { host, port } = postgres
    const admin = { user: world.admin.user, password: 'env:ADMIN' }
    const { database } = world
    const target = postgresTarget.parse({ host, port, database, tls: 'disable', admin })
    const unreadable = new CredctlError('secret_unresolvable', 'env:ADMIN is not set or empty')
    const mint = opened(postgresMint(target, { resolve: () => Promise.reject(unreadable) }))
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toBe(unreadable)
    await expect
      .poll(async () => {
        const { rows } = await world.root.query(
          "SELECT count(*)::int AS open FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename IS NULL",
        )
        return rows[0].open
      })
      .toBe(0)
  })

  it('is in no error when it is wrong', async () => {
    const world = await delegated(ACCESS)
    const error = await mintOn(mintWith(world, ['canary-secret']), world.grant(ACCESS)).catch(
      (e: unknown) => e,
    )
    expect(error).toMatchObject({
      code: 'target_refused',
      message: expect.stringContaining('28P01'),
    })
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('canary-secret')
  })
})
