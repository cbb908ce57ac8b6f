import { systemClock } from '../../../src/clock.ts'
import type { Grant } from '../../../src/decision/decide.ts'
import { toEnvironment } from '../../../src/environment/environment.ts'
import { vaultMysqlTarget } from '../../../src/environment/target-vault.ts'
import { mintCredential } from '../../../src/mint/mint.ts'
import type { VaultDatabaseMint } from '../../../src/mint/vault/database.ts'
import { vaultMysqlMint } from '../../../src/mint/vault/mysql.ts'
import type { MysqlPlan } from '../../../src/plan/mysql/plan.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { Vault } from '../../../src/vault/vault.ts'
import { mysqlConnectionOf, setUpConnection, type TestVault } from '../../support/vault/setup.ts'
import { allowAccess } from '../postgres/database.ts'
import { vaultOf } from './world.ts'

export const MYSQL_ACCESS = {
  tables: { 'shop.orders': ['select', 'update'], 'shop.rates': ['select'] },
  limits: { connections: 2 },
}

export interface MysqlPlace {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

/** A server behind Vault, and a mint for it. The caller closes it. */
export async function mysqlWorld(server: TestVault, place: MysqlPlace, more: object = {}) {
  const connection = `shop-${crypto.randomUUID().slice(0, 8)}`
  const token = await setUpConnection(server, connection, { ...mysqlConnectionOf(place), ...more })
  const { host, port } = place
  const target = vaultMysqlTarget.parse({ host, port, tls: 'disable', connection })
  const environment = toEnvironment('staging', {
    class: 'nonprod',
    targets: { db: { vault_mysql: target } },
  })
  const resolve = async () => new Secret(token)
  const vault = new Vault({ address: server.url, auth: { token: 'env:T' } }, { resolve })
  const mint = vaultMysqlMint(target, { vault, clock: systemClock })
  return {
    connection,
    mint,
    vault,
    grant: (access: unknown = MYSQL_ACCESS) => allowAccess(environment, { mysql: access }, '5m'),
    close: async () => {
      await mint.close()
      await vault.close()
    },
  }
}

/** As a redemption does it: prepare, then mint. */
export async function mintMysql(mint: VaultDatabaseMint, grant: Grant) {
  const handle = await mint.prepare(grant, 'db', mint.handle(grant, 'db'))
  const minted = await mintCredential(mint, grant, 'db', handle)
  const credential = minted.credential.reveal()
  if (!('ssl_mode' in credential)) throw new Error('not a MySQL credential')
  return { prepared: handle, handle: vaultOf(minted.handle ?? handle), minted, credential }
}

export function mysqlPlanOf(grant: Grant): MysqlPlan {
  const plan = grant.plan.targets['db']
  if (plan?.kind !== 'mysql') throw new Error('no MySQL plan')
  return plan
}
