import { type Clock, systemClock } from '../../../src/clock.ts'
import type { Grant } from '../../../src/decision/decide.ts'
import { toEnvironment } from '../../../src/environment/environment.ts'
import { vaultPostgresTarget } from '../../../src/environment/target-vault.ts'
import type { Handle, VaultHandle } from '../../../src/ledger/entry.ts'
import type { VaultDatabaseMint } from '../../../src/mint/vault/database.ts'
import { vaultPostgresMint } from '../../../src/mint/vault/postgres.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { PATIENCE } from '../../../src/vault/client.ts'
import { Vault } from '../../../src/vault/vault.ts'
import type { TestPostgres } from '../../support/postgres.ts'
import { setUpVault, type TestVault } from '../../support/vault/setup.ts'
import { allow, createWorld, planOf, type World } from '../postgres/database.ts'

export const ACCESS = {
  tables: { 'public.orders': ['select', 'update'], 'public.currency_rates': ['select'] },
}

/** A database as of the tests of PostgreSQL, with a role for Vault, and a mint that Vault makes for. */
export interface VaultWorld {
  readonly direct: World
  readonly connection: string
  readonly user: string
  readonly brokerToken: string
  mint(target?: Record<string, unknown>, clock?: Clock, token?: string): VaultDatabaseMint
  grant(ttl?: string): Grant
  vault(token?: string): Vault
  close(): Promise<void>
}

/** Steps 1 and 2 of docs/vault.md by SQL, the others by `setUpVault`. */
export async function createVaultWorld(
  postgres: TestPostgres,
  server: TestVault,
): Promise<VaultWorld> {
  return await behindVault(await createWorld(postgres), postgres, server, ACCESS)
}

/** A database that exists already, behind Vault. */
export async function behindVault(
  direct: World,
  postgres: TestPostgres,
  server: TestVault,
  access: unknown,
): Promise<VaultWorld> {
  const { database, root } = direct
  const user = `vault_${database}`
  const password = 'a-password-of-the-test'
  await root.query(`CREATE ROLE ${user} LOGIN CREATEROLE PASSWORD '${password}'`)
  await root.query(`GRANT CONNECT ON DATABASE ${database} TO ${user}`)
  await root.query(direct.plan(access).statements.join('; '))
  const group = direct.plan(access).groupRole
  await root.query(`GRANT "${group}" TO ${user} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`)

  const { host, port } = postgres
  const brokerToken = await setUpVault(server, database.replaceAll('_', '-'), {
    ...{ host, port, database, user, password },
  })
  const connection = database.replaceAll('_', '-')
  const configured = { host, port, database, tls: 'disable', connection }
  const environmentOf = (target: Record<string, unknown> = {}) =>
    toEnvironment('staging', {
      class: 'nonprod',
      targets: { db: { vault_postgres: vaultPostgresTarget.parse({ ...configured, ...target }) } },
    })
  const open: { close(): Promise<void> }[] = []
  const vaultWith = (token: string) => {
    const resolve = async () => new Secret(token)
    const patience = { ...PATIENCE, deadlineMs: 3_000 }
    const vault = new Vault(
      { address: server.url, auth: { token: 'env:T' } },
      { resolve, patience },
    )
    open.push(vault)
    return vault
  }
  return {
    direct,
    connection,
    user,
    brokerToken,
    vault: (token = brokerToken) => vaultWith(token),
    grant: (ttl = '5m') => allow(environmentOf(), access, ttl),
    mint: (target = {}, clock = systemClock, token = brokerToken) => {
      const parsed = environmentOf(target).targets['db']
      if (parsed?.kind !== 'vault_postgres') throw new Error('not a Vault target')
      const resolve = async () => new Secret(direct.admin.password)
      const mint = vaultPostgresMint(parsed, { vault: vaultWith(token), clock, resolve })
      open.push(mint)
      return mint
    },
    close: async () => {
      for (const each of open.splice(0).reverse()) await each.close()
    },
  }
}

/** As a redemption does it: prepare, then mint. */
export async function mintBy(mint: VaultDatabaseMint, grant: Grant) {
  const named = mint.handle(grant, 'db')
  const handle = await mint.prepare(grant, 'db', named)
  const minted = await mint.mint(grant, 'db', handle)
  const credential = minted.credential.reveal()
  if (!('sslmode' in credential)) throw new Error('not a PostgreSQL credential')
  return { prepared: handle, handle: vaultOf(minted.handle ?? handle), minted, credential }
}

export function vaultOf(handle: Handle): VaultHandle {
  if (handle.kind !== 'vault') throw new Error('not a handle of Vault')
  return handle
}

export { planOf }
