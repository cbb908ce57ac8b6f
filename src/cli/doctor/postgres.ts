import { type Config, requireConfig } from '../../config.ts'
import type { PostgresTarget } from '../../environment/target-postgres.ts'
import type { Finding } from '../../mint/postgres/finding.ts'
import { postgresMint } from '../../mint/postgres/mint.ts'
import { type Catalog, requireCatalog } from '../../scope/catalog.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { openSecrets } from '../../secrets.ts'
import type { Cli } from '../cli.ts'
import type { ConfigFlag, OutputFlag, ScopesFlag } from '../flags.ts'
import { notFound } from '../not-found.ts'
import type { CheckResult } from '../output/doctor.ts'
import { plansAt } from '../postgres/place.ts'
import { fromError, report } from './report.ts'

type Flags = ScopesFlag & ConfigFlag & OutputFlag & { readonly env?: string }

/** `credctl doctor postgres [TARGET]`: the preflight of every plan, with what fixes each finding. */
export default async function postgres(cli: Cli, flags: Flags, name?: string): Promise<number> {
  const config = await requireConfig(flags.config)
  const catalog = await requireCatalog(flags.scopes)
  const all = databasesOf(config)
  const wanted = all.filter(
    ({ target, environment }) =>
      (name === undefined || target === name) &&
      (flags.env === undefined || environment === flags.env),
  )
  if (wanted.length === 0) {
    const where = `in ${flags.env ?? flags.config}`
    throw notFound('PostgreSQL target', name, where, new Set(all.map((each) => each.target)))
  }
  const secrets = openSecrets(config, cli.process.env)
  const { resolve } = secrets
  const results = await checkDatabases(wanted, { config, catalog, resolve })
  await secrets.close()
  return report(cli, flags, results)
}

interface Database {
  readonly environment: string
  readonly target: string
  readonly place: PostgresTarget
}

interface Parts {
  readonly config: Config
  readonly catalog: Catalog
  readonly resolve: ResolveSecret
}

export function databasesOf({ environments }: Config): Database[] {
  return [...environments.values()].flatMap(({ name, targets }) =>
    Object.entries(targets).flatMap(([target, place]) =>
      place.kind === 'postgres' ? [{ environment: name, target, place }] : [],
    ),
  )
}

export async function checkDatabases(
  databases: readonly Database[],
  parts: Parts,
): Promise<CheckResult[]> {
  const results = await Promise.all(databases.map((database) => checkDatabase(database, parts)))
  return results.flat()
}

async function checkDatabase(database: Database, parts: Parts): Promise<CheckResult[]> {
  const place = { check: 'targets', subject: `${database.environment}.${database.target}` }
  const environment = parts.config.environments.get(database.environment)
  const plans =
    environment === undefined ? [] : plansAt(parts.catalog, environment, database.target)
  if (environment === undefined || plans.length === 0) {
    return [{ ...place, status: 'ok', message: 'no scope uses it' }]
  }
  const mint = postgresMint(database.place, { resolve: parts.resolve })
  try {
    // Before connecting: the driver would hold a connection open that it cannot authenticate.
    await parts.resolve(database.place.admin.password)
    const results: CheckResult[] = []
    // One after the other: a check should not be a load on the database it checks.
    for (const { scope, plan } of plans) {
      results.push(...resultsOf(place, scope, await mint.preflight(plan, environment.class)))
    }
    return results
  } catch (error) {
    return [fromError(place, error, 'Check the target, its admin, and the way to that server.')]
  } finally {
    await mint.close()
  }
}

type Place = Pick<CheckResult, 'check' | 'subject'>

function resultsOf(place: Place, scope: string, findings: readonly Finding[]): CheckResult[] {
  const open = findings.filter(({ status }) => status !== 'accepted')
  const isBlocked = open.some(({ status }) => status === 'blocks')
  const verdict: CheckResult = isBlocked
    ? { ...place, status: 'failed', message: `${scope}: nothing would be minted` }
    : { ...place, status: 'ok', message: `${scope}: credentials can be minted` }
  return [verdict, ...open.map((finding) => resultOf(place, finding))]
}

function resultOf(place: Place, { finding, object, message, fix, status }: Finding): CheckResult {
  return {
    ...place,
    status: status === 'blocks' ? 'failed' : 'warning',
    message: `${finding} ${object}: ${message}`,
    ...(fix === undefined ? {} : { remedy: fix }),
  }
}
