import { DocumentError } from '../../document/error.ts'
import { CredctlError } from '../../errors.ts'
import { planScope } from '../../plan/plan.ts'
import type { PlanProblem } from '../../plan/problem.ts'
import type { CatalogScope } from '../../scope/catalog.ts'
import { type Cli, EXIT } from '../cli.ts'
import {
  type ConfigFlag,
  type EnvironmentFlag,
  type OutputFlag,
  type ParametersFlag,
  parametersOf,
  type ScopesFlag,
} from '../flags.ts'
import { answer, note } from '../terminal.ts'
import { readEnvironments } from './environments.ts'
import { findScope, notFound } from './find.ts'
import { fillPlaceholders } from './placeholders.ts'
import { planText } from './plan-text.ts'

type Flags = EnvironmentFlag & ParametersFlag & ScopesFlag & ConfigFlag & OutputFlag

/** `credctl scope plan NAME --env E`: the pure plan, made from files alone. */
export default async function plan(cli: Cli, flags: Flags, name: string): Promise<number> {
  const values = parametersOf(flags)
  const found = await findScope(flags.scopes, name)
  const environment = await findEnvironment(cli, flags)
  const { scope, parameters, placeholders } = fillPlaceholders(found.scope, values)
  const planned = planScope(scope, environment, parameters)
  if (!planned.ok) throw noPlan(found, flags.env, planned.problems)
  for (const each of placeholders) {
    note(cli, `${each} has no value: planned as ${each.toUpperCase()}; give --param ${each}=…`)
  }
  answer(cli, flags, { ...planned.plan, placeholders }, (value) => planText(cli, value))
  return EXIT.ok
}

async function findEnvironment(cli: Cli, { env, config: file }: Flags) {
  const { config, diagnostics } = await readEnvironments(cli, file)
  if (diagnostics.length > 0) {
    throw new DocumentError('config_invalid', 'the configuration is not valid', diagnostics)
  }
  if (config === undefined) {
    const hint = 'Name one with --config; credctl.example.yaml shows what stands in it.'
    throw new CredctlError('config_invalid', `there is no configuration ${file}`, { hint })
  }
  const environment = config.environments.get(env)
  if (environment !== undefined) return environment
  throw notFound('environment', env, `in ${file}`, config.environments.keys())
}

function noPlan(
  { scope, document }: CatalogScope,
  environment: string,
  problems: readonly PlanProblem[],
): DocumentError {
  const message = `scope ${scope.name} gives no plan in ${environment}`
  const diagnostics = problems.map((problem) => document.locate(problem))
  return new DocumentError('scopes_invalid', message, diagnostics)
}
