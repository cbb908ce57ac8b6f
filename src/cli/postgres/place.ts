import { type Config, requireConfig } from '../../config.ts'
import type { Environment } from '../../environment/environment.ts'
import type { PostgresTarget } from '../../environment/target-postgres.ts'
import type { VaultPostgresTarget } from '../../environment/target-vault.ts'
import { CredctlError } from '../../errors.ts'
import { fillPlaceholders } from '../../plan/placeholders.ts'
import { planScope } from '../../plan/plan.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { type Catalog, requireCatalog } from '../../scope/catalog.ts'
import type { ConfigFlag, EnvironmentFlag, ScopesFlag } from '../flags.ts'
import { notFound } from '../not-found.ts'

/** A database of the configuration, and what every scope gives there. */
export interface Place {
  readonly config: Config
  readonly environment: Environment
  readonly target: string
  readonly server: Server
  readonly plans: readonly PlannedScope[]
}

/** Where logins are made, by the broker or by Vault. */
export type Server =
  | ({ readonly kind: 'postgres' } & PostgresTarget)
  | ({ readonly kind: 'vault_postgres' } & VaultPostgresTarget)

/** The role that makes logins there. Errors: `config_invalid` where only Vault knows it. */
export function makerOf(server: Server): string {
  if (server.kind === 'postgres') return server.admin.user
  if (server.vault_user !== undefined) return server.vault_user
  throw new CredctlError('config_invalid', 'the target does not say which role Vault uses there', {
    hint: 'Set vault_user to the username of the connection in Vault.',
  })
}

export interface PlannedScope {
  readonly scope: string
  readonly plan: PostgresPlan
}

export type PlaceFlags = EnvironmentFlag & ScopesFlag & ConfigFlag

export async function findPlace(flags: PlaceFlags, target: string): Promise<Place> {
  const config = await requireConfig(flags.config)
  const environment = config.environments.get(flags.env)
  if (environment === undefined) {
    throw notFound('environment', flags.env, `in ${flags.config}`, config.environments.keys())
  }
  const server = environment.targets[target]
  if (server?.kind !== 'postgres' && server?.kind !== 'vault_postgres') {
    const known = Object.entries(environment.targets).filter(([, { kind }]) =>
      kind.endsWith('postgres'),
    )
    const names = known.map(([name]) => name)
    throw notFound('PostgreSQL target', target, `in environment ${flags.env}`, names)
  }
  const catalog = await requireCatalog(flags.scopes)
  return { config, environment, target, server, plans: plansAt(catalog, environment, target) }
}

/** Parameters never reach a PostgreSQL plan, so that placeholders plan what is minted. */
export function plansAt(
  catalog: Catalog,
  environment: Environment,
  target: string,
): PlannedScope[] {
  return [...catalog.scopes.values()].flatMap(({ scope }) => {
    const filled = fillPlaceholders(scope, {})
    const planned = planScope(filled.scope, environment, filled.parameters)
    const plan = planned.ok ? planned.plan.targets[target] : undefined
    return plan?.kind === 'postgres' ? [{ scope: scope.name, plan }] : []
  })
}
