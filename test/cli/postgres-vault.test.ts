import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresScriptOutput } from '../../src/cli/output/postgres.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
let home = ''

beforeAll(async () => {
  broker = await testBroker(postgres)
  home = await mkdtemp(join(tmpdir(), 'credctl-postgres-vault-'))
})
afterAll(async () => {
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

/** The staging database of the shop, with Vault making its logins. */
async function credctl(argv: readonly string[], vaultUser: object = { vault_user: 'vault_shop' }) {
  const place = { host: postgres.host, port: postgres.port, tls: 'disable' }
  const database = { ...place, database: broker.shop.staging, connection: 'orders', ...vaultUser }
  const config = {
    origin: 'credctl.example.com/log',
    url: 'http://127.0.0.1:1',
    vault: { address: 'http://127.0.0.1:1', auth: { token: 'env:VAULT' } },
    issuers: {},
    environments: {
      staging: { class: 'nonprod', targets: { 'orders-db': { vault_postgres: database } } },
    },
  }
  const file = join(home, 'credctl.yaml')
  await writeFile(file, JSON.stringify(config))
  const files = ['--scopes', resolve('task-scopes'), '--config', file]
  return await runCredctl(['postgres', ...argv, 'orders-db', '--env', 'staging', ...files], {
    cwd: home,
    env: { DBA_PASSWORD: postgres.password },
  })
}

async function script(...argv: readonly string[]) {
  const { status, stdout, stderr } = await credctl([...argv, '--output', 'json'])
  expect(status, stderr).toBe(0)
  return postgresScriptOutput.parse(JSON.parse(stdout))
}

const login = () => ['--user', postgres.user, '--password', 'env:DBA_PASSWORD']

/** What Vault's role may do with group roles, and what it is itself. */
async function vaultRole(): Promise<unknown> {
  const { rows } = await postgres.pool(broker.shop.staging).query(
    `SELECT v.rolcanlogin, v.rolcreaterole, v.rolsuper, v.rolcreatedb, m.admin_option, m.inherit_option, m.set_option
       FROM pg_roles v LEFT JOIN pg_auth_members m ON m.member = v.oid
         AND m.roleid IN (SELECT oid FROM pg_roles WHERE rolname LIKE 'cbs\\_%')
      WHERE v.rolname = 'vault_shop'`,
  )
  return rows[0]
}

describe('credctl postgres, for a database whose logins Vault makes', () => {
  test('prints the role of Vault, and then the group roles for it to give and not to have', async () => {
    const { scripts } = await script('setup')
    expect(scripts).toHaveLength(1)
    const pool = postgres.pool(broker.shop.staging)
    // Twice: a set-up can be run again.
    for (const { statements } of [...scripts, ...scripts]) {
      await pool.query(['BEGIN', ...statements, 'COMMIT'].join(';'))
    }
    const alone = { rolcanlogin: true, rolcreaterole: true, rolsuper: false, rolcreatedb: false }
    expect(await vaultRole()).toMatchObject({ ...alone, admin_option: null })

    const { digest, scripts: groups } = await script('apply')
    expect(groups[0]?.statements.at(-1)).toMatch(
      /^GRANT "cbs_[0-9a-f]{32}" TO "vault_shop" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE$/,
    )
    const ran = await credctl(['apply', '--digest', digest, ...login()])
    expect(ran.status, ran.stderr).toBe(0)
    const given = { admin_option: true, inherit_option: false, set_option: false }
    expect(await vaultRole()).toMatchObject({ ...alone, ...given })

    // As after a move from a broker that made the logins itself: the group roles are there already.
    const [, group] = /^GRANT ("cbs_\w+")/.exec(groups[0]?.statements.at(-1) ?? '') ?? []
    await pool.query(`REVOKE ${group} FROM vault_shop`)
    const again = await credctl(['apply', '--digest', digest, ...login()])
    expect(again.stderr).toContain('0 group roles created')
    expect(await vaultRole()).toMatchObject({ ...alone, ...given })
  })

  test('hardens with a way for Vault to end logins', async () => {
    const { scripts } = await script('harden')
    expect(scripts[0]?.statements.at(-1)).toBe('GRANT USAGE ON LANGUAGE plpgsql TO "vault_shop"')
  })

  test('asks for the role of Vault where the configuration does not name it', async () => {
    const { status, stderr } = await credctl(['apply'], {})
    expect(status).toBe(1)
    expect(stderr).toContain('Set vault_user to the username of the connection in Vault.')
  })
})
