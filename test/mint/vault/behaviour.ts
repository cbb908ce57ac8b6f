import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CredctlError } from '../../../src/errors.ts'
import type { LedgerWord } from '../../../src/mint/upkeep.ts'
import { countIrrevocableLeases, lookupLease } from '../../../src/vault/lease.ts'
import { accessorExists } from '../../../src/vault/token.ts'
import { testPostgres } from '../../support/postgres.ts'
import { call, connectionOf, type TestVault, TOKEN_ROLE } from '../../support/vault/setup.ts'
import { refusalOf } from '../postgres/database.ts'
import { createVaultWorld, mintBy, planOf, type VaultWorld } from './world.ts'

async function failureOf(run: Promise<unknown>): Promise<CredctlError> {
  const error: unknown = await run.catch((thrown: unknown) => thrown)
  if (error instanceof CredctlError) return error
  throw new Error(`not a refusal: ${String(error)}`)
}

/**
 * What credctl relies on, run against the fake in the default suite and against a real server by
 * `npm run test:vault`: where the two differ, the fake is wrong.
 */
export function vaultBehaviour(start: () => Promise<TestVault>): void {
  const postgres = testPostgres()
  let server: TestVault
  const worlds: VaultWorld[] = []

  beforeAll(async () => {
    server = await start()
  }, 60_000)
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close()
  })
  afterAll(async () => {
    await server.close()
  })

  const newWorld = async () => {
    const world = await createVaultWorld(postgres, server)
    worlds.push(world)
    return world
  }
  const operator = (method: string, path: string, body?: object) => call(server, method, path, body)
  const logins = async (world: VaultWorld) =>
    (await world.direct.root.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'cbg\\_%'"))
      .rows

  describe('a login that Vault makes', () => {
    it('can do what the scope says and nothing else, and names its grant', async () => {
      const world = await newWorld()
      const grant = world.grant()
      const { credential, minted, handle } = await mintBy(world.mint(), grant)
      expect(credential.user).toMatch(new RegExp(`^cbg_${grant.id.toLowerCase()}_[a-z0-9]{10}$`))
      expect(minted.fingerprint).toBe(credential.user)
      expect(minted.facts).toMatchObject({
        group_role: planOf(grant).groupRole,
        lease: handle.lease,
      })
      const client = await world.direct.login(credential)
      const updated = await client.query('UPDATE orders SET total = 5 WHERE id = 1 RETURNING id')
      expect(updated.rowCount).toBe(1)
      for (const sql of ['DELETE FROM orders', 'SELECT * FROM customers', 'DROP TABLE orders']) {
        expect(await refusalOf(client.query(sql)), sql).toBe('42501')
      }
      expect(await refusalOf(client.query(`SET ROLE "${planOf(grant).groupRole}"`))).toBe('42501')
      await world.mint().revoke(handle)
    })

    it('has the password only as a SCRAM verifier in the database', async () => {
      const world = await newWorld()
      const { credential, handle } = await mintBy(world.mint(), world.grant())
      const sql = 'SELECT rolpassword FROM pg_authid WHERE rolname = $1'
      const { rows } = await world.direct.root.query(sql, [credential.user])
      expect(rows[0].rolpassword).toMatch(/^SCRAM-SHA-256\$/)
      await world.mint().revoke(handle)
    })

    it('ends with what is left of the grant, in Vault and in the database', async () => {
      const world = await newWorld()
      const grant = world.grant('10m')
      const late = { now: () => new Date(grant.expiresAt.getTime() - 90_000) }
      const { credential, minted, handle } = await mintBy(world.mint({}, late), grant)
      expect(minted.expiresAt.getTime()).toBeLessThanOrEqual(grant.expiresAt.getTime())
      const lease = await lookupLease(world.vault(), handle.lease ?? '')
      expect(lease?.ttl).toBeGreaterThan(80)
      expect(lease?.ttl).toBeLessThanOrEqual(90)
      const sql = `SELECT extract(epoch FROM rolvaliduntil - now())::float8 AS left FROM pg_roles WHERE rolname = $1`
      const { rows } = await world.direct.root.query(sql, [credential.user])
      expect(rows[0].left).toBeGreaterThan(80)
      expect(rows[0].left).toBeLessThan(97)
      await world.mint().revoke(handle)
    })

    it('is made with a token that can do nothing else and ends with nobody', async () => {
      const world = await newWorld()
      const { handle } = await mintBy(world.mint(), world.grant())
      const shown = await operator('POST', 'auth/token/lookup-accessor', {
        accessor: handle.accessor,
      })
      expect(shown.body.data).toMatchObject({ orphan: true, policies: ['credctl-grant'] })
      await operator('POST', 'auth/token/revoke', { token: world.brokerToken })
      expect(await lookupLease(world.vault(server.rootToken), handle.lease ?? '')).toBeDefined()
      await world.mint({}, undefined, server.rootToken).revoke(handle)
    })
  })

  describe('revoking', () => {
    it('ends an open session at once, and Vault knows neither lease nor token any more', async () => {
      const world = await newWorld()
      const mint = world.mint()
      const { credential, handle } = await mintBy(mint, world.grant())
      const client = await world.direct.login(credential)
      await client.query('BEGIN; DECLARE c CURSOR FOR SELECT * FROM orders')
      const ended = new Promise((resolve) => client.once('end', resolve))
      expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
      await ended
      expect(await refusalOf(world.direct.login(credential))).toBe('28P01')
      expect(await lookupLease(world.vault(), handle.lease ?? '')).toBeUndefined()
      expect(await accessorExists(world.vault(), handle.accessor ?? '')).toBe(false)
      expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
    })

    it('by the accessor alone ends the login as well: for a broker that died in between', async () => {
      const world = await newWorld()
      const { credential, prepared } = await mintBy(world.mint(), world.grant())
      expect(await world.mint().revoke(prepared)).toEqual({ outcome: 'gone' })
      await expect
        .poll(() => refusalOf(world.direct.login(credential)), { timeout: 10_000 })
        .toBe('28P01')
    })

    it('counts no lease that cannot be ended when all can', async () => {
      const world = await newWorld()
      expect(await countIrrevocableLeases(world.vault())).toBe(0)
    })

    it('of a login that somebody dropped by hand is success', async () => {
      const world = await newWorld()
      const { credential, handle } = await mintBy(world.mint(), world.grant())
      await world.direct.root.query(`DROP ROLE "${credential.user}"`)
      expect(await world.mint().revoke(handle)).toEqual({ outcome: 'gone' })
    })

    it('says that it is incomplete while something holds the login, and ends it when it can', async () => {
      const world = await newWorld()
      const mint = world.mint()
      const { credential, handle } = await mintBy(mint, world.grant())
      const other = await postgres.database('other')
      await postgres.pool(other).query(`REVOKE CONNECT ON DATABASE ${other} FROM PUBLIC`)
      await postgres
        .pool(other)
        .query(`CREATE TABLE held (); ALTER TABLE held OWNER TO "${credential.user}"`)
      const failure = await failureOf(mint.revoke(handle))
      expect(failure.code).toBe('revocation_incomplete')
      expect(await accessorExists(world.vault(), handle.accessor ?? '')).toBe(false)
      await postgres.pool(other).query('DROP TABLE held')
      expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
      expect(await logins(world)).toEqual([])
    }, 20_000)

    it('happens by Vault itself when the time is over', async () => {
      const world = await newWorld()
      const grant = world.grant('5m')
      const late = { now: () => new Date(grant.expiresAt.getTime() - 1_500) }
      const { credential, handle } = await mintBy(world.mint({}, late), grant)
      await expect
        .poll(() => lookupLease(world.vault(), handle.lease ?? ''), { timeout: 15_000 })
        .toBeUndefined()
      expect(await refusalOf(world.direct.login(credential))).toBe('28P01')
    }, 20_000)
  })

  describe('a role in Vault', () => {
    it('is written once, and used as it is', async () => {
      const world = await newWorld()
      const mint = world.mint()
      const grant = world.grant()
      const { role } = mint.handle(grant, 'db')
      expect(role).toMatch(/^cb-[0-9a-f]{32}$/)
      expect((await operator('GET', `database/roles/${role}`)).status).toBe(404)
      const first = await mintBy(mint, grant)
      const written = await operator('GET', `database/roles/${role}`)
      const second = await mintBy(mint, world.grant())
      expect(second.handle.role).toBe(role)
      expect((await operator('GET', `database/roles/${role}`)).body.data).toEqual(written.body.data)
      await mint.revoke(first.handle)
      await mint.revoke(second.handle)
    })

    it.each([
      ['another creation statement', { creation_statements: ['CREATE ROLE "{{name}}" SUPERUSER'] }],
      ['one statement more', { rollback_statements: ['SELECT 1'] }],
      ['no revocation statements', { revocation_statements: [] }],
      ['a longer life', { default_ttl: 7200 }],
      ['a longer maximum', { max_ttl: 7200 }],
      ['another database', { db_name: 'elsewhere' }],
    ])('that was changed by hand (%s) mints nothing', async (_what, change) => {
      const world = await newWorld()
      const mint = world.mint()
      const { handle } = await mintBy(mint, world.grant())
      await mint.revoke(handle)
      await operator('POST', `database/roles/${handle.role}`, change)
      const failure = await failureOf(mintBy(mint, world.grant()))
      expect(failure.code).toBe('target_refused')
      expect(failure.message).toContain(Object.keys(change)[0])
      expect(await logins(world)).toEqual([])
      await operator('DELETE', `database/roles/${handle.role}`)
      await mint.revoke((await mintBy(mint, world.grant())).handle)
    })
  })

  it('roles of plans that are gone are deleted, but none in use, in force, or of others', async () => {
    const world = await newWorld()
    const mint = world.mint()
    const group = planOf(world.grant()).groupRole
    const { handle } = await mintBy(mint, world.grant())
    const foreign = { db_name: world.connection, creation_statements: ['SELECT 1'] }
    await operator('POST', 'database/roles/app', foreign)
    const none = { dropped: [], left: [] }
    expect(await mint.upkeep.collectGroups([group], [])).toEqual(none)
    expect(await mint.upkeep.collectGroups([], [handle.role])).toEqual(none)
    await mint.revoke(handle)
    expect((await mint.upkeep.collectGroups([], [])).dropped).toEqual([handle.role])
    expect((await operator('GET', 'database/roles/app')).status).toBe(200)
  })

  describe('the preflight, where the broker has a role in the database', () => {
    it('lets a plan pass, and blocks one whose group role has more than it says', async () => {
      const world = await newWorld()
      const { user } = world.direct.admin
      const preflighting = () => world.mint({ admin: { user, password: 'env:ADMIN' } })
      const { handle } = await mintBy(preflighting(), world.grant())
      await world.mint().revoke(handle)
      const group = planOf(world.grant()).groupRole
      await world.direct.root.query(`GRANT DELETE ON customers TO "${group}"`)
      const failure = await failureOf(mintBy(preflighting(), world.grant()))
      expect(failure.code).toBe('target_refused')
      expect(failure.message).toMatch(/preflight/)
      expect(await logins(world)).toEqual([])
    })

    it('ends a session that exceeds its scope, and leaves sessions of others alone', async () => {
      const world = await newWorld()
      const { user } = world.direct.admin
      const mint = world.mint({ admin: { user, password: 'env:ADMIN' } })
      const grant = world.grant()
      const { credential, handle } = await mintBy(mint, grant)
      const client = await world.direct.login(credential)
      expect(await mint.upkeep.patrol()).toEqual([])
      const ended = new Promise((resolve) => client.once('end', resolve))
      await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
      expect(await world.mint().upkeep.patrol()).toEqual([])
      const breach = { breach: 'lock_mode', login: credential.user, grant: grant.id }
      expect(await mint.upkeep.patrol()).toMatchObject([breach])
      await ended
      await mint.revoke(handle)
    })

    it('sees logins that Vault left behind, lost, or made for nobody', async () => {
      const world = await newWorld()
      const { user } = world.direct.admin
      const mint = world.mint({ admin: { user, password: 'env:ADMIN' } })
      const { credential, handle } = await mintBy(mint, world.grant())
      const login = credential.user
      const asSeenBy = (word: LedgerWord, expected: readonly string[]) =>
        mint.upkeep.reconcile({ now: new Date(), expected, word: async () => word })
      const nothing = { dropped: [], failed: [], unknown: [], missing: [] }
      expect(await asSeenBy('open', [login])).toEqual(nothing)
      const failed = [{ login, code: 'revocation_incomplete' }]
      expect(await asSeenBy('finished', [])).toEqual({ ...nothing, failed })
      expect((await asSeenBy('unknown', [])).unknown).toMatchObject([{ login, ours: true }])
      await mint.revoke(handle)
      expect(await asSeenBy('open', [login])).toEqual({ ...nothing, missing: [login] })
    })

    it('refuses a plan whose group role nobody made', async () => {
      const world = await newWorld()
      const group = planOf(world.grant()).groupRole
      await world.direct.root.query(`DROP OWNED BY "${group}"`)
      await world.direct.root.query(`DROP ROLE "${group}"`)
      const { user } = world.direct.admin
      const mint = world.mint({ admin: { user, password: 'env:ADMIN' } })
      expect((await failureOf(mintBy(mint, world.grant()))).message).toMatch(/does not exist/)
    })
  })

  describe('a connection in Vault', () => {
    it('of another role than the target says mints nothing', async () => {
      const world = await newWorld()
      const failure = await failureOf(
        mintBy(world.mint({ vault_user: 'somebody_else' }), world.grant()),
      )
      expect(failure.message).toMatch(/another role/)
      const mint = world.mint({ vault_user: world.user })
      await mint.revoke((await mintBy(mint, world.grant())).handle)
    })

    it.each([
      ['that sends passwords in the clear', { password_authentication: 'password' }, /clear text/],
      ['that names logins its own way', { username_template: '' }, /name logins/],
    ])('%s mints nothing', async (_what, change, words) => {
      const world = await newWorld()
      const { host, port } = postgres
      const { database } = world.direct
      const password = 'a-password-of-the-test'
      const whole = connectionOf({ host, port, database, user: world.user, password })
      await operator('POST', `database/config/${world.connection}`, { ...whole, ...change })
      const failure = await failureOf(mintBy(world.mint(), world.grant()))
      expect(failure.code).toBe('target_refused')
      expect(failure.message).toMatch(words)
    })

    it('that leads to another database than the target mints nothing', async () => {
      const world = await newWorld()
      const failure = await failureOf(mintBy(world.mint({ database: 'elsewhere' }), world.grant()))
      expect(failure.message).toMatch(/another database/)
    })

    it('that is not there is refused by name', async () => {
      const world = await newWorld()
      const failure = await failureOf(mintBy(world.mint({ connection: 'nothing' }), world.grant()))
      expect(failure).toMatchObject({ code: 'target_refused' })
    })
  })

  it('a token role whose tokens have a parent is refused', async () => {
    const world = await newWorld()
    await operator('POST', 'auth/token/roles/credctl', { ...TOKEN_ROLE, orphan: false })
    const failure = await failureOf(mintBy(world.mint(), world.grant()))
    await operator('POST', 'auth/token/roles/credctl', TOKEN_ROLE)
    expect(failure.message).toMatch(/parent/)
  })

  it('without the group role nothing is minted, and nothing is left', async () => {
    const world = await newWorld()
    await world.direct.root.query(`DROP OWNED BY "${planOf(world.grant()).groupRole}"`)
    await world.direct.root.query(`DROP ROLE "${planOf(world.grant()).groupRole}"`)
    const mint = world.mint()
    const grant = world.grant()
    const handle = await mint.prepare(grant, 'db', mint.handle(grant, 'db'))
    const failure = await failureOf(mint.mint(grant, 'db', handle))
    expect(failure.code).toBe('target_unavailable')
    expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
    expect(await logins(world)).toEqual([])
  })

  describe('an answer on which something depends', () => {
    const secret = 'secret/data/answers'
    const none = { lease_id: 'none' }
    const cases: [string, string, string, object | undefined, number, string | undefined][] = [
      ['looking up an unknown lease', 'POST', 'sys/leases/lookup', none, 400, 'invalid lease'],
      ['renewing an unknown lease', 'POST', 'sys/leases/renew', none, 400, 'lease not found'],
      ['revoking one', 'POST', 'sys/leases/revoke', { ...none, sync: true }, 204, undefined],
      ['queueing one', 'POST', 'sys/leases/revoke', { ...none, sync: false }, 202, undefined],
      [
        'looking up an unknown accessor',
        'POST',
        'auth/token/lookup-accessor',
        { accessor: 'none' },
        400,
        '1 error occurred:\n\t* invalid accessor\n\n',
      ],
      ['revoking one', 'POST', 'auth/token/revoke-accessor', { accessor: 'none' }, 200, undefined],
      ['a role that is not there', 'GET', 'database/roles/cb-none', undefined, 404, ''],
      ['its credentials', 'GET', 'database/creds/cb-none', undefined, 400, 'unknown role: cb-none'],
      ['a connection that is not there', 'GET', 'database/config/none', undefined, 404, ''],
      [
        'a token role that is not there',
        'POST',
        'auth/token/create/none',
        {},
        400,
        'unknown role none',
      ],
      [
        'a mount that is not there',
        'GET',
        'none/x',
        undefined,
        404,
        'no handler for route "none/x". route entry not found.',
      ],
      [
        'a path with dots',
        'GET',
        'database/roles/..%2fconfig',
        undefined,
        400,
        'relative paths not supported',
      ],
      ['a secret that is not there', 'GET', secret, undefined, 404, ''],
    ]

    it.each(cases)('%s', async (_what, method, path, body, status, said) => {
      await newWorld()
      await operator('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
      const answer = await operator(method, path, body)
      expect([answer.status, answer.body.errors?.join()]).toEqual([status, said])
    })

    it('permission denied, to an unknown token and to one that may not', async () => {
      const world = await newWorld()
      const by = (token: string) =>
        call(server, 'GET', 'sys/policies/acl/credctl-broker', undefined, token)
      const unknown = await by('s.none')
      expect([unknown.status, unknown.body.errors]).toEqual([403, ['permission denied']])
      const known = await by(world.brokerToken)
      expect(known.status).toBe(403)
      expect(known.body.errors).toEqual(['1 error occurred:\n\t* permission denied\n\n'])
    })
  })

  describe('a second look at what was wrapped', () => {
    it('is refused: it can be taken out once', async () => {
      const headers = { 'x-vault-token': server.rootToken, 'x-vault-wrap-ttl': '60s' }
      const init = { method: 'POST', headers, body: JSON.stringify({ password: 'x' }) }
      const answer = await (await fetch(`${server.url}/v1/sys/wrapping/wrap`, init)).json()
      const { token } = (answer as { wrap_info: { token: string } }).wrap_info
      const first = await call(server, 'POST', 'sys/wrapping/unwrap', {}, token)
      expect(first.body.data).toEqual({ password: 'x' })
      const second = await call(server, 'POST', 'sys/wrapping/unwrap', {}, token)
      expect(second.status).toBe(400)
      expect(second.body.errors?.join()).toMatch(/wrapping token is not valid or does not exist/)
    })
  })

  describe('a credential that is given out wrapped', () => {
    const wrapped = async () => {
      const world = await newWorld()
      const mint = world.mint()
      const { minted, handle, credential } = await mintBy(mint, world.grant())
      const made = await mint.wrapping.wrap(minted.credential, 30)
      return { mint, made, handle, credential, token: made.token.reveal() }
    }
    const looked = (token: string) => call(server, 'POST', 'sys/wrapping/lookup', { token }, token)
    const unwrapped = (token: string) => call(server, 'POST', 'sys/wrapping/unwrap', {}, token)

    it('says where it was made, opens once, and is then gone for good', async () => {
      const { mint, made, handle, credential, token } = await wrapped()
      expect(made).toMatchObject({
        seconds: 30,
        creationPath: 'sys/wrapping/wrap',
        address: server.url,
      })
      const { status, body } = await looked(token)
      expect([status, body.data]).toMatchObject([
        200,
        { creation_path: 'sys/wrapping/wrap', creation_ttl: 30, creation_time: made.createdAt },
      ])
      expect(await mint.wrapping.isClosed(made.accessor)).toBe(true)
      expect((await unwrapped(token)).body.data).toEqual(credential)
      expect(await mint.wrapping.isClosed(made.accessor)).toBe(false)
      for (const again of [await unwrapped(token), await looked(token)]) {
        expect(again.status).toBe(400)
        expect(again.body.errors).toEqual(['wrapping token is not valid or does not exist'])
      }
      await mint.revoke(handle)
    })

    it('opens for whoever has the token, which the broker cannot tell apart', async () => {
      const { mint, made, handle, token } = await wrapped()
      const thief = await operator('POST', 'sys/wrapping/unwrap', { token })
      expect(thief.status).toBe(200)
      expect(await mint.wrapping.isClosed(made.accessor)).toBe(false)
      expect((await unwrapped(token)).status).toBe(400)
      await mint.revoke(handle)
    })

    it('opens for nobody once it is discarded, and discarding again is success', async () => {
      const { mint, made, handle, token } = await wrapped()
      await mint.wrapping.discard(made.accessor)
      await mint.wrapping.discard(made.accessor)
      expect((await unwrapped(token)).status).toBe(400)
      await mint.revoke(handle)
    })

    it('opens for nobody after its time', async () => {
      const world = await newWorld()
      const mint = world.mint()
      const { minted, handle } = await mintBy(mint, world.grant())
      const made = await mint.wrapping.wrap(minted.credential, 1)
      await expect
        .poll(() => mint.wrapping.isClosed(made.accessor), { timeout: 10_000 })
        .toBe(false)
      expect((await unwrapped(made.token.reveal())).status).toBe(400)
      await mint.revoke(handle)
    }, 15_000)
  })

  describe('Vault that goes away', () => {
    it('sealed: requests are refused for now, sessions go on, and after unsealing all is as before', async () => {
      const world = await newWorld()
      const mint = world.mint()
      const { credential, handle } = await mintBy(mint, world.grant())
      await server.seal()
      expect((await failureOf(mintBy(mint, world.grant()))).code).toBe('target_unavailable')
      expect((await failureOf(mint.revoke(handle))).code).toBe('target_unavailable')
      expect(await world.vault().health()).toBe('sealed')
      const client = await world.direct.login(credential)
      await client.query('SELECT 1')
      await server.unseal()
      expect(await mint.revoke(handle)).toEqual({ outcome: 'gone' })
      expect(await refusalOf(world.direct.login(credential))).toBe('28P01')
    }, 30_000)

    it('restarted: leases are still there, and another replica of the broker ends them', async () => {
      const world = await newWorld()
      const { credential, handle } = await mintBy(world.mint(), world.grant())
      await server.restart()
      await pause(50)
      const client = await world.direct.login(credential)
      await client.query('SELECT 1')
      expect(await world.mint().revoke(handle)).toEqual({ outcome: 'gone' })
      expect(await refusalOf(world.direct.login(credential))).toBe('28P01')
    }, 60_000)
  })
}
