import type { Policy } from '../../decision/policy.ts'
import { DocumentError } from '../../document/error.ts'
import type { Environment } from '../../environment/environment.ts'
import { CredctlError } from '../../errors.ts'
import { fillPlaceholders } from '../../plan/placeholders.ts'
import { type Plan, planScope } from '../../plan/plan.ts'
import type { Scope } from '../../scope/scope.ts'
import type { Cli } from '../cli.ts'
import {
  type ConfigFlag,
  type EnvironmentFlag,
  type ParametersFlag,
  parametersOf,
  type ScopesFlag,
} from '../flags.ts'
import { notFound } from '../not-found.ts'
import { note } from '../terminal.ts'
import { readEnvironments } from './environments.ts'
import { findScope } from './find.ts'

export type PlanFlags = EnvironmentFlag & ParametersFlag & ScopesFlag & ConfigFlag

export interface PlannedFromFiles {
  readonly plan: Plan
  readonly scope: Scope
  readonly environment: Environment
  /** The operator's thresholds, as the broker would apply them. */
  readonly policy: Policy
  readonly placeholders: readonly string[]
}

/** The pure plan of a scope in an environment, made from files alone; or every reason why not. */
export async function planFromFiles(
  cli: Cli,
  flags: PlanFlags,
  name: string,
): Promise<PlannedFromFiles> {
  const values = parametersOf(flags)
  const found = await findScope(flags.scopes, name)
  const { environment, policy } = await findEnvironment(cli, flags)
  const { scope, parameters, placeholders } = fillPlaceholders(found.scope, values)
  const planned = planScope(scope, environment, parameters)
  if (!planned.ok) {
    const diagnostics = planned.problems.map((problem) => found.document.locate(problem))
    const message = `scope ${name} gives no plan in ${flags.env}`
    throw new DocumentError('scopes_invalid', message, diagnostics)
  }
  for (const each of placeholders) {
    note(cli, `${each} has no value: planned as ${each.toUpperCase()}; give --param ${each}=…`)
  }
  return { plan: planned.plan, scope, environment, policy, placeholders }
}

async function findEnvironment(
  cli: Cli,
  { env, config: file }: PlanFlags,
): Promise<{ readonly environment: Environment; readonly policy: Policy }> {
  const { config, diagnostics } = await readEnvironments(cli, file)
  if (diagnostics.length > 0) {
    throw new DocumentError('config_invalid', 'the configuration is not valid', diagnostics)
  }
  if (config === undefined) {
    const hint = 'Name one with --config; credctl.example.yaml shows what stands in it.'
    throw new CredctlError('config_invalid', `there is no configuration ${file}`, { hint })
  }
  const environment = config.environments.get(env)
  if (environment !== undefined) return { environment, policy: config.approvals }
  throw notFound('environment', env, `in ${file}`, config.environments.keys())
}
