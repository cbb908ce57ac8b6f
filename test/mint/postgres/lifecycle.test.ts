import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loginName } from '../../../src/mint/postgres/login.ts'
import type { PostgresMint } from '../../../src/mint/postgres/mint.ts'
import { brokerSetupSql } from '../../../src/plan/postgres/setup.ts'
import { testPostgres } from '../../support/postgres.ts'
import { createWorld, mintOn, refusalOf, type World } from './database.ts'

const postgres = testPostgres()
const ACCESS = { tables: { 'public.orders': ['select', 'update', 'delete'] } }

let world: World
let mint: PostgresMint

beforeEach(async () => {
  world = await createWorld(postgres)
  await world.delegate(ACCESS)
  mint = world.mint()
})
afterEach(async () => {
  await mint.close()
})

async function roleExists(login: string): Promise<boolean> {
  return (await world.root.query('SELECT FROM pg_roles WHERE rolname = $1', [login])).rowCount === 1
}

async function leftovers(): Promise<number> {
  const { rows } = await world.root.query(
    `SELECT count(*)::int AS n FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass
     AND NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = s.refobjid)`,
  )
  return rows[0].n
}

describe('revoking', () => {
  it('ends an open transaction with a cursor and removes the login', async () => {
    const { credential, handle } = await mintOn(mint, world.grant(ACCESS))
    const client = await world.login(credential)
    await client.query('BEGIN; DECLARE c CURSOR FOR SELECT * FROM orders')
    await client.query('UPDATE orders SET total = -1 WHERE id = 1')
    await mint.revoke(handle)
    expect(await refusalOf(client.query('FETCH c'))).toBeDefined()
    const { rows } = await world.root.query('SELECT total FROM orders WHERE id = 1')
    expect(Number(rows[0].total)).toBe(1)
    expect(await roleExists(credential.user)).toBe(false)
  })

  it('succeeds when the login never existed', async () => {
    const grant = world.grant(ACCESS)
    const handle = mint.handle(grant, 'db', grant.id)
    expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
  })

  it('removes what a login left behind to block its own end, in two databases', async () => {
    const other = await postgres.database('other')
    const setup = { admin: world.admin.user, databases: [other] }
    for (const statement of brokerSetupSql(setup)) await world.root.query(statement)
    const { credential, handle } = await mintOn(
      world.mint({ accept: [{ finding: 'other_database', reason: 'a test of cleaning it' }] }),
      world.grant(ACCESS),
    )
    const here = await world.login(credential)
    await here.query("SELECT lo_from_bytea(0, 'hostage')")
    await here.query('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC')
    await here.query('CREATE TEMP TABLE mine AS SELECT 1')
    const there = await world.login({ ...credential, database: other })
    await there.query("SELECT lo_from_bytea(0, 'hostage')")
    await there.query('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC')
    expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
    expect(await roleExists(credential.user)).toBe(false)
    expect(await leftovers()).toBe(0)
    const blobs = await world.root.query('SELECT count(*)::int AS n FROM pg_largeobject_metadata')
    expect(blobs.rows[0].n).toBe(0)
    await world.root.query(`REVOKE CONNECT ON DATABASE ${other} FROM PUBLIC`)
  })

  it('says so when something is left that it cannot remove, and finishes later', async () => {
    const { credential, handle } = await mintOn(mint, world.grant(ACCESS))
    const locked = await postgres.database('locked')
    await world.root.query(`REVOKE CONNECT ON DATABASE ${locked} FROM PUBLIC`)
    const root = postgres.pool(locked)
    await root.query(`CREATE TABLE given (); ALTER TABLE given OWNER TO ${credential.user}`)
    await expect(mint.revoke(handle)).rejects.toMatchObject({ code: 'revocation_incomplete' })
    expect(await refusalOf(world.login(credential))).toBe('28P01')
    await root.query('DROP TABLE given')
    expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
  })

  it('lets a lost race for the same login end well for everybody', async () => {
    const { handle, credential } = await mintOn(mint, world.grant(ACCESS))
    const ends = await Promise.all(Array.from({ length: 6 }, () => mint.revoke(handle)))
    expect(ends).toEqual(Array.from({ length: 6 }, () => ({ outcome: 'gone' })))
    expect(await roleExists(credential.user)).toBe(false)
  })
})

describe('reconciling', () => {
  const ledger = (words: Record<string, 'open' | 'finished'>, expected: string[] = []) => ({
    now: new Date(),
    expected,
    word: async (login: string) => words[login] ?? ('unknown' as const),
  })

  it('leaves logins of open credentials alone and ends those of finished ones', async () => {
    const open = await mintOn(mint, world.grant(ACCESS))
    const finished = await mintOn(mint, world.grant(ACCESS))
    const words = {
      [open.credential.user]: 'open',
      [finished.credential.user]: 'finished',
    } as const
    const result = await mint.reconcile(ledger(words))
    expect(result.dropped).toEqual([finished.credential.user])
    expect(await roleExists(open.credential.user)).toBe(true)
  })

  it('reports a login that a restored ledger does not know, and ends it once it has expired', async () => {
    const { credential } = await mintOn(mint, world.grant(ACCESS))
    const first = await mint.reconcile(ledger({}))
    expect(first.dropped).toEqual([])
    const found = first.unknown.find(({ login }) => login === credential.user)
    expect(found).toMatchObject({ ours: true, canLogin: true, sessions: 0 })
    await world.root.query(`ALTER ROLE ${credential.user} VALID UNTIL '2020-01-01'`)
    expect((await mint.reconcile(ledger({}))).dropped).toEqual([credential.user])
  })

  it('never touches a login that only looks like one of ours', async () => {
    const grant = world.grant(ACCESS)
    const name = loginName(grant.id, grant.id)
    await world.root.query(`CREATE ROLE ${name} LOGIN VALID UNTIL '2020-01-01'`)
    const result = await mint.reconcile(ledger({ [name]: 'finished' }))
    expect(result.dropped).toEqual([])
    expect(await roleExists(name)).toBe(true)
    await world.root.query(`DROP ROLE ${name}`)
  })

  it('reports a credential of the ledger whose login is gone', async () => {
    const result = await mint.reconcile(ledger({}, ['cbg_gone_login']))
    expect(result.missing).toEqual(['cbg_gone_login'])
  })
})

describe('collecting group roles', () => {
  it('keeps those with logins and those of plans in force, and drops the rest with their grants', async () => {
    const { handle } = await mintOn(mint, world.grant(ACCESS))
    const { groupRole } = world.plan(ACCESS)
    expect((await mint.collectGroups([])).dropped).toEqual([])
    await mint.revoke(handle)
    expect((await mint.collectGroups([groupRole])).dropped).toEqual([])
    expect(await mint.collectGroups([])).toEqual({ dropped: [groupRole], left: [] })
    expect(await roleExists(groupRole)).toBe(false)
    // The broker still remembers that its preflight passed, and makes the group role again.
    await mintOn(mint, world.grant(ACCESS))
    expect(await roleExists(groupRole)).toBe(true)
  })

  it('leaves a group role that a DBA made', async () => {
    const plan = world.plan(ACCESS)
    await world.root.query(plan.statements.join(';'))
    await world.root.query(
      `GRANT ${plan.groupRole} TO ${world.admin.user}_grants WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
    )
    const result = await mint.collectGroups([])
    expect(result.dropped).toEqual([])
    expect(result.left).toMatchObject([{ group: plan.groupRole }])
    expect(await roleExists(plan.groupRole)).toBe(true)
  })
})

describe('the watchdog', () => {
  const limited = (limits: Record<string, string>) => ({ ...ACCESS, limits })

  it('ends a transaction that lasts too long, although the session switched its timeouts off', async () => {
    const access = limited({ transaction: '1s', idle_in_transaction: '1h' })
    const { credential } = await mintOn(mint, world.grant(access))
    const client = await world.login(credential)
    await client.query('SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0')
    await client.query('BEGIN')
    await client.query('SELECT 1')
    expect(await mint.patrol()).toEqual([])
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const ended = await mint.patrol()
    expect(ended).toMatchObject([{ login: credential.user, breach: 'transaction' }])
    expect(ended[0]?.grant).toMatch(/^[0-9A-Z]{26}$/)
    expect(await refusalOf(client.query('SELECT 1'))).toBeDefined()
  })

  it('ends a session that locks a table more strongly than data changes need', async () => {
    const { credential } = await mintOn(mint, world.grant(ACCESS))
    const client = await world.login(credential)
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
    const ended = await mint.patrol()
    expect(ended).toMatchObject([{ breach: 'lock_mode', detail: 'AccessExclusiveLock' }])
    expect((await world.root.query('SELECT 1 FROM orders')).rowCount).toBe(20)
  })

  it('ends a session that makes others wait for a row', async () => {
    const { credential } = await mintOn(mint, world.grant(limited({ lock_wait: '1s' })))
    const client = await world.login(credential)
    await client.query('BEGIN; UPDATE orders SET note = $$x$$ WHERE id = 1')
    const waiting = world.root.query("UPDATE orders SET note = 'app' WHERE id = 1")
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(await mint.patrol()).toMatchObject([{ breach: 'lock_held' }])
    expect((await waiting).rowCount).toBe(1)
  })

  it('leaves sessions of others and sessions within their limits alone', async () => {
    const { credential } = await mintOn(mint, world.grant(ACCESS))
    const client = await world.login(credential)
    await client.query('BEGIN; UPDATE orders SET total = 1')
    const other = await world.root.connect()
    await other.query('BEGIN; LOCK TABLE customers')
    expect(await mint.patrol()).toEqual([])
    await other.query('ROLLBACK')
    other.release()
  })

  it('ends sessions that outlive their grant', async () => {
    const { credential } = await mintOn(mint, world.grant(ACCESS))
    const client = await world.login(credential)
    await world.root.query(`ALTER ROLE ${credential.user} VALID UNTIL '2020-01-01'`)
    expect(await mint.patrol()).toMatchObject([{ breach: 'expired' }])
    expect(await refusalOf(client.query('SELECT 1'))).toBeDefined()
  })
})
