import { requireConfig } from '../../config.ts'
import type { Environment } from '../../environment/environment.ts'
import { CredctlError } from '../../errors.ts'
import type { MysqlPlan } from '../../plan/mysql/plan.ts'
import { type MysqlServer, mysqlDelegationSql, mysqlSetupSql } from '../../plan/mysql/setup.ts'
import { fillPlaceholders } from '../../plan/placeholders.ts'
import { planScope } from '../../plan/plan.ts'
import { type Catalog, requireCatalog } from '../../scope/catalog.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, EnvironmentFlag, OutputFlag, ScopesFlag } from '../flags.ts'
import { notFound } from '../not-found.ts'
import type { MysqlScriptOutput } from '../output/mysql.ts'
import { answer, printable } from '../terminal.ts'

type Flags = EnvironmentFlag &
  ScopesFlag &
  ConfigFlag &
  OutputFlag & { readonly server: MysqlServer }

/** `credctl mysql setup TARGET --env E --server mariadb`: what a DBA runs. Prints, and runs nothing. */
export default async function setup(cli: Cli, flags: Flags, target: string): Promise<number> {
  const config = await requireConfig(flags.config)
  const environment = config.environments.get(flags.env)
  if (environment === undefined) {
    throw notFound('environment', flags.env, `in ${flags.config}`, config.environments.keys())
  }
  const user = vaultUserOf(environment, target)
  const plans = plansAt(await requireCatalog(flags.scopes), environment, target)
  const delegations = plans.flatMap((plan) => mysqlDelegationSql(user, plan))
  const statements = [...mysqlSetupSql(user, flags.server), ...new Set(delegations)]
  const as = `as a DBA with all privileges; then give ${user} a password and unlock it`
  answer(cli, flags, { environment: environment.name, target, as, statements }, text)
  return EXIT.ok
}

function vaultUserOf({ name, targets }: Environment, target: string): string {
  const found = Object.hasOwn(targets, target) ? targets[target] : undefined
  if (found?.kind !== 'vault_mysql') {
    const known = Object.keys(targets).filter((each) => targets[each]?.kind === 'vault_mysql')
    throw notFound('MySQL target', target, `in environment ${name}`, known)
  }
  if (found.vault_user !== undefined) return found.vault_user
  throw new CredctlError(
    'config_invalid',
    'the target does not say which account Vault uses there',
    {
      hint: 'Set vault_user to the username of the connection in Vault.',
    },
  )
}

/** Parameters never reach a MySQL plan, so that placeholders plan what is minted. */
function plansAt(catalog: Catalog, environment: Environment, target: string): MysqlPlan[] {
  return [...catalog.scopes.values()].flatMap(({ scope }) => {
    const filled = fillPlaceholders(scope, {})
    const planned = planScope(filled.scope, environment, filled.parameters)
    const plan = planned.ok ? planned.plan.targets[target] : undefined
    return plan?.kind === 'mysql' ? [plan] : []
  })
}

/** As the clients of both servers take it: they cut at `;` unless told otherwise. */
function text({ environment, target, as, statements }: MysqlScriptOutput): string {
  const lines = statements.map((statement) => `${statement} //`).join('\n')
  return `${printable(`-- ${environment}.${target}\n-- ${as}\nDELIMITER //\n${lines}\nDELIMITER ;`)}\n`
}
