import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom } from '../../src/clock.ts'
import type { Config } from '../../src/config.ts'
import { planScope } from '../../src/plan/plan.ts'
import type { PostgresPlan } from '../../src/plan/postgres/plan.ts'
import { applySql, brokerSetupSql, delegationSql } from '../../src/plan/postgres/setup.ts'
import type { Catalog } from '../../src/scope/catalog.ts'
import { createLoginSecret } from '../../src/secret/scram.ts'

/** A server on which the shop's databases can be made: somebody's superuser. */
export interface ShopServer {
  readonly host: string
  readonly port: number
  query(database: string, sql: string): Promise<unknown>
}

/** The shop's databases, with what DBAs and owners have to do for a broker. */
export interface Shop {
  readonly host: string
  readonly port: number
  readonly staging: string
  readonly prod: string
  /** The broker's own role: CREATEROLE, owner of nothing, its password in a file. */
  readonly admin: { readonly user: string; readonly passwordFile: string }
  /** What the owner of the tables runs once, so that the broker may pass privileges on. */
  delegate(database: string, plan: PostgresPlan): Promise<void>
  /** What a DBA runs where the broker may only verify: the group role of a plan. */
  apply(database: string, plan: PostgresPlan): Promise<void>
}

interface Names {
  readonly staging: string
  readonly prod: string
  readonly admin: string
  readonly owner: string
}

/** Fills two databases, `staging` and `prod`, that exist already and are empty. */
export async function openShop(server: ShopServer, names: Names, directory: string): Promise<Shop> {
  const { staging, prod, admin, owner } = names
  const { host, port, query } = server
  const passwordFile = join(directory, 'broker-admin.password')
  const secret = await createLoginSecret(systemRandom)
  await writeFile(passwordFile, secret.password.reveal(), { mode: 0o600 })
  const setup = { admin, databases: [staging, prod], verifier: secret.verifier }
  for (const statement of brokerSetupSql(setup)) await query('postgres', statement)

  await query('postgres', `CREATE ROLE ${owner} NOLOGIN`)
  const tables = await readFile(new URL('tables.sql', import.meta.url), 'utf8')
  const asOwner = (database: string, sql: string) =>
    query(database, `SET ROLE ${owner}; ${sql}; RESET ROLE`)
  for (const name of [staging, prod]) {
    await query(name, `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`)
    await query(name, `GRANT ALL ON SCHEMA public TO ${owner}`)
    await asOwner(name, tables)
  }
  return {
    host,
    port,
    staging,
    prod,
    admin: { user: admin, passwordFile },
    delegate: async (database, plan) => {
      await asOwner(database, delegationSql(admin, plan).join('; '))
    },
    apply: async (database, plan) => {
      await query(database, applySql(admin, plan).join('; '))
    },
  }
}

/** Does for every scope what its environment asks for: delegate in staging, apply in prod. */
export async function prepareForScopes(shop: Shop, config: Config, catalog: Catalog) {
  for (const { scope } of catalog.scopes.values()) {
    for (const name of scope.environments) {
      const environment = config.environments.get(name)
      if (environment === undefined) continue
      const parameters = Object.fromEntries(
        Object.keys(scope.parameters).map((parameter) => [parameter, 'ORD-1']),
      )
      const planned = planScope(scope, environment, parameters)
      for (const plan of planned.ok ? Object.values(planned.plan.targets) : []) {
        if (plan.kind !== 'postgres') continue
        if (plan.database === shop.prod) await shop.apply(shop.prod, plan)
        else await shop.delegate(shop.staging, plan)
      }
    }
  }
}
