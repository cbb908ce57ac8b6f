import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CredctlError } from '../../../src/errors.ts'
import { lookupLease } from '../../../src/vault/lease.ts'
import { accessorExists } from '../../../src/vault/token.ts'
import { call } from '../../support/vault/setup.ts'
import { FakeVault } from '../../support/vault/vault.ts'
import { mintMysql, mysqlPlanOf, mysqlWorld } from './mysql-world.ts'

const PLACE = { host: '127.0.0.1', port: 3306, user: 'vault_shop', password: 'of-the-test' }

let fake: FakeVault
const open: { close(): Promise<void> }[] = []
beforeAll(async () => {
  fake = await new FakeVault().start()
})
afterEach(async () => {
  fake.database.refuseMysql = () => undefined
  fake.database.mysql.length = 0
  for (const world of open.splice(0)) await world.close()
})
afterAll(() => fake.close())

async function newWorld(more: object = {}) {
  const world = await mysqlWorld(fake, PLACE, more)
  open.push(world)
  return world
}

async function failureOf(run: Promise<unknown>): Promise<CredctlError> {
  const error: unknown = await run.catch((thrown: unknown) => thrown)
  if (error instanceof CredctlError) return error
  throw new Error(`not a refusal: ${String(error)}`)
}

describe('a MySQL login that Vault makes', () => {
  test('is made locked, gets what the plan says, is opened, and names its grant', async () => {
    const { mint, grant } = await newWorld()
    const granted = grant()
    const { credential, minted, handle } = await mintMysql(mint, granted)
    const { user, password } = credential
    expect(user).toMatch(new RegExp(`^cbg${granted.id.toLowerCase()}[a-z0-9]{3}$`))
    expect(user).toHaveLength(32)
    const grants = mysqlPlanOf(granted).statements.map((sql) => sql.replace('{{name}}', user))
    expect(fake.database.mysql).toEqual([
      `CALL credctl.create_login('${user}', '${password}', 2, 'NONE')`,
      ...grants,
      `CALL credctl.open_login('${user}')`,
    ])
    expect(minted.fingerprint).toBe(user)
    expect(minted.facts).toEqual({ vault_role: handle.role, lease: handle.lease })
    expect(handle.gives).toBe('mysql')
  })

  test('is given with what a client needs, and for no longer than the grant', async () => {
    const { mint, grant } = await newWorld()
    const granted = grant()
    const { credential } = await mintMysql(mint, granted)
    const { user, password, expires_at: expires, ...rest } = credential
    expect(rest).toEqual({
      host: '127.0.0.1',
      port: 3306,
      ssl_mode: 'DISABLED',
      databases: ['shop'],
      uri: `mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:3306/shop`,
    })
    expect(Date.parse(expires)).toBeLessThanOrEqual(granted.expiresAt.getTime())
  })

  test('ends with its lease, by the procedure, and Vault knows neither lease nor token', async () => {
    const { mint, grant, vault } = await newWorld()
    const { credential, handle } = await mintMysql(mint, grant())
    expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
    expect(fake.database.mysql.at(-1)).toBe(`CALL credctl.end_login('${credential.user}')`)
    expect(await lookupLease(vault, handle.lease ?? '')).toBeUndefined()
    expect(await accessorExists(vault, handle.accessor ?? '')).toBe(false)
  })

  test('that gets no privilege on a table is not given to anybody', async () => {
    const { mint, grant } = await newWorld()
    fake.database.refuseMysql = (sql) => (sql.includes('rates') ? 'ERROR 1142: denied' : undefined)
    const failure = await failureOf(mintMysql(mint, grant()))
    expect(failure.code).toBe('target_unavailable')
    expect(fake.database.mysql.join()).not.toContain('open_login')
  })

  test('that cannot be ended stays on the list until it can', async () => {
    const { mint, grant } = await newWorld()
    const { handle } = await mintMysql(mint, grant())
    fake.database.refuseMysql = () => 'ERROR 2013: Lost connection'
    expect((await failureOf(mint.revoke(handle))).code).toBe('revocation_incomplete')
    fake.database.refuseMysql = () => undefined
    expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
  }, 20_000)
})

describe('a connection in Vault to MySQL', () => {
  test.each([
    ['of another plugin', { plugin_name: 'postgresql-database-plugin' }, /not of the MySQL plugin/],
    ['that names logins its own way', { username_template: '' }, /does not name logins/],
    ['that does not allow our roles', { allowed_roles: ['app'] }, /does not allow the roles/],
  ])('%s mints nothing', async (_what, change, words) => {
    const { mint, grant } = await newWorld(change)
    const failure = await failureOf(mintMysql(mint, grant()))
    expect(failure.code).toBe('target_refused')
    expect(failure.message).toMatch(words)
    expect(fake.database.mysql).toEqual([])
  })
})

describe('a role in Vault for MySQL', () => {
  test('that was changed by hand mints nothing', async () => {
    const { mint, grant } = await newWorld()
    const { handle } = await mintMysql(mint, grant())
    const change = { creation_statements: ["GRANT ALL ON *.* TO '{{name}}'@'%'"] }
    await call(fake, 'POST', `database/roles/${handle.role}`, change)
    expect((await failureOf(mintMysql(mint, grant()))).message).toMatch(/creation_statements/)
  })

  test('is deleted when no plan is in force that needs it and no credential is out', async () => {
    const { mint, grant } = await newWorld()
    const { handle } = await mintMysql(mint, grant())
    const none = { dropped: [], left: [] }
    expect(await mint.upkeep.collectGroups([handle.role], [])).toEqual(none)
    expect(await mint.upkeep.collectGroups([], [handle.role])).toEqual(none)
    await mint.revoke(handle)
    expect(await mint.upkeep.collectGroups([], [])).toEqual({ dropped: [handle.role], left: [] })
  })
})
