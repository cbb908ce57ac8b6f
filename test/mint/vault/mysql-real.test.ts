import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CredctlError } from '../../../src/errors.ts'
import { mysqlDelegationSql, mysqlSetupSql } from '../../../src/plan/mysql/setup.ts'
import { lookupLease } from '../../../src/vault/lease.ts'
import { hasMariadb, startMariadb, type TestMariadb } from '../../support/mariadb.ts'
import { findBao, startBao } from '../../support/vault/bao.ts'
import type { TestVault } from '../../support/vault/setup.ts'
import { mintMysql, mysqlPlanOf, mysqlWorld } from './mysql-world.ts'

const wanted = process.env['CREDCTL_TEST_VAULT'] === '1'
const bao = wanted ? findBao() : undefined
const here = bao !== undefined && hasMariadb()
const VAULT = { user: 'vault_shop', password: 'a-password-of-the-test' }

/** Codes of MariaDB's manual: refused privileges, a locked account, no such account, a lost session. */
const DENIED = 1142
const DENIED_IN_DATABASE = 1044
const NOT_CALLABLE = 1370
const NO_PRIVILEGE = 1227
const SIGNALLED = 1644
const LOCKED = 4151
const UNKNOWN = 1045
const LOST = 2013

describe.runIf(here)('with a real OpenBao, and MariaDB if its programs are on PATH', () => {
  let server: TestVault
  let db: TestMariadb
  let world: Awaited<ReturnType<typeof mysqlWorld>>

  beforeAll(async () => {
    server = await startBao(bao ?? '')
    db = await startMariadb()
    await db.root(`CREATE DATABASE shop; CREATE TABLE shop.orders (id int PRIMARY KEY, total int);
      CREATE TABLE shop.rates (id int); CREATE TABLE shop.secrets (id int); INSERT INTO shop.orders VALUES (1, 1)`)
    world = await mysqlWorld(server, { ...db, ...VAULT }, { verify_connection: false })
    // Twice: a set-up can be run again.
    const sql = mysqlSetupSql(VAULT.user, 'mariadb')
    for (const statement of [...sql, ...sql]) {
      const { error } = await db.root(`DELIMITER //\n${statement} //`)
      expect(error, statement).toBeUndefined()
    }
    await db.root(`ALTER USER ${VAULT.user} IDENTIFIED BY '${VAULT.password}' ACCOUNT UNLOCK`)
    const delegations = mysqlDelegationSql(VAULT.user, mysqlPlanOf(world.grant()))
    for (const statement of delegations) await db.root(statement)
  }, 90_000)
  afterAll(async () => {
    await world?.close()
    await db?.close()
    await server?.close()
  })

  const logins = async () =>
    (await db.root("SELECT User FROM mysql.user WHERE User LIKE 'cbg%'")).rows

  test('a login can do what the scope says and nothing else, and names its grant', async () => {
    const grant = world.grant()
    const { credential, handle } = await mintMysql(world.mint, grant)
    expect(credential.user).toMatch(new RegExp(`^cbg${grant.id.toLowerCase()}[a-z0-9]{3}$`))
    const refusal = async (sql: string) => (await db.as(credential, sql)).error
    const read = await db.as(
      credential,
      'UPDATE shop.orders SET total = 5 WHERE id = 1; SELECT total FROM shop.orders',
    )
    expect(read).toEqual({ rows: ['5'], error: undefined })
    for (const sql of [
      'DELETE FROM shop.orders',
      'INSERT INTO shop.orders VALUES (2, 2)',
      'UPDATE shop.rates SET id = 1',
      'SELECT * FROM shop.secrets',
      'DROP TABLE shop.orders',
      'TRUNCATE shop.orders',
      'ALTER TABLE shop.orders ADD x int',
      'CREATE TABLE shop.x (id int)',
      'SELECT * FROM mysql.user',
    ]) {
      expect(await refusal(sql), sql).toBe(DENIED)
    }
    for (const sql of [
      'LOCK TABLES shop.orders WRITE',
      'CREATE TEMPORARY TABLE shop.x (id int)',
      'CREATE DATABASE x',
    ]) {
      expect(await refusal(sql), sql).toBe(DENIED_IN_DATABASE)
    }
    expect(await refusal('CALL credctl.end_login(USER())')).toBe(NOT_CALLABLE)
    expect(await refusal("SELECT 1 INTO OUTFILE '/tmp/x'")).not.toBeUndefined()
    await world.mint.revoke(handle)
  })

  test('revoking ends an open session at once, with what it had not committed', async () => {
    const { credential, handle } = await mintMysql(world.mint, world.grant())
    const session = db.as(credential, 'BEGIN; UPDATE shop.orders SET total = 99; SELECT SLEEP(60)')
    const mine = `SELECT count(*) FROM information_schema.processlist WHERE user = '${credential.user}' AND info LIKE '%SLEEP%'`
    await expect.poll(async () => (await db.root(mine)).rows).toEqual(['1'])
    expect(await world.mint.revoke(handle)).toEqual({ outcome: 'gone' })
    expect((await session).error).toBe(LOST)
    expect((await db.as(credential, 'SELECT 1')).error).toBe(UNKNOWN)
    expect(await lookupLease(world.vault, handle.lease ?? '')).toBeUndefined()
    expect((await db.root('SELECT total FROM shop.orders')).rows).not.toContain('99')
    expect(await logins()).toEqual([])
    expect(await world.mint.revoke(handle)).toEqual({ outcome: 'gone' })
  })

  test('a session that outlives its login has no privileges on tables', async () => {
    const { credential, handle } = await mintMysql(world.mint, world.grant())
    const session = db.as(
      credential,
      'SELECT count(*) FROM shop.orders; SELECT SLEEP(1); SELECT count(*) FROM shop.orders',
    )
    await pause(300)
    await db.root(`DROP USER '${credential.user}'@'%'`)
    const { rows, error } = await session
    expect(error).toBe(DENIED)
    expect(rows[0]).toBe('1')
    expect(await world.mint.revoke(handle)).toEqual({ outcome: 'gone' })
  })

  test('by the accessor alone ends the login as well: for a broker that died in between', async () => {
    const { credential, prepared } = await mintMysql(world.mint, world.grant())
    expect(await world.mint.revoke(prepared)).toEqual({ outcome: 'gone' })
    await expect
      .poll(async () => (await db.as(credential, 'SELECT 1')).error, { timeout: 10_000 })
      .toBe(UNKNOWN)
  }, 20_000)

  test('no more sessions than the scope says', async () => {
    const { credential, handle } = await mintMysql(world.mint, world.grant())
    const sessions = [1, 2, 3, 4].map(() => db.as(credential, 'SELECT SLEEP(1)'))
    const ended = await Promise.all(sessions)
    expect(ended.filter(({ error }) => error === undefined)).toHaveLength(2)
    await world.mint.revoke(handle)
  })

  test('what fails half-way leaves a login that is locked, and nothing else', async () => {
    const access = { tables: { 'shop.orders': ['select'], 'shop.secrets': ['select'] } }
    const failure = await mintMysql(world.mint, world.grant(access)).catch(
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(CredctlError)
    expect(failure).toMatchObject({ code: 'target_unavailable' })
    const [left = ''] = await logins()
    const locked = await db.root(
      `SELECT json_value(Priv, '$.account_locked') FROM mysql.global_priv WHERE User = '${left}'`,
    )
    expect(locked.rows).toEqual(['1'])
    await db.root(`ALTER USER '${left}'@'%' IDENTIFIED BY 'known-to-the-test'`)
    expect((await db.as({ user: left, password: 'known-to-the-test' }, 'SELECT 1')).error).toBe(
      LOCKED,
    )
    expect((await db.as(VAULT, `CALL credctl.end_login('${left}')`)).error).toBeUndefined()
    expect(await logins()).toEqual([])
  })

  test.each([
    ['set the password of root', "ALTER USER root@localhost IDENTIFIED BY 'x'", NO_PRIVILEGE],
    ['make an account', "CREATE USER x IDENTIFIED BY 'x'", NO_PRIVILEGE],
    ['end an account of others', "CALL credctl.end_login('root')", SIGNALLED],
    ['end sessions of others', "CALL credctl.end_sessions('root')", NOT_CALLABLE],
    [
      'make a login of another name',
      "CALL credctl.create_login('root2', 'abcdefghijklmnop', 1, 'NONE')",
      SIGNALLED,
    ],
    [
      'put more into a statement',
      "CALL credctl.create_login(CONCAT('cbg', REPEAT('a', 29)), 'x''@''%'' -- abcdefgh', 1, 'NONE')",
      SIGNALLED,
    ],
    ['pass on what it was not given', 'GRANT DELETE ON shop.orders TO vault_shop', DENIED],
  ])('the account of Vault cannot %s', async (_what, sql, code) => {
    expect((await db.as(VAULT, sql)).error).toBe(code)
  })
})
