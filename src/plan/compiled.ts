import type { Environment } from '../environment/environment.ts'
import { deepFreeze } from '../freeze.ts'
import type { Scope } from '../scope/scope.ts'
import type { Parameters } from './parameters.ts'
import { type Planned, planScope } from './plan.ts'

/** Callers choose parameters, so what is remembered for them has an end. */
const REMEMBERED = 256

const compiled = new WeakMap<Scope, WeakMap<Environment, Map<string, Planned>>>()

/**
 * `planScope`, compiled once for each set of parameters. Nothing here can go stale: the results
 * hang on the very objects they were made from, a reload brings new objects, and `planScope` is
 * pure. Compiling and self-checking a session policy takes longer than all else in a decision.
 */
export function compiledPlan(
  scope: Scope,
  environment: Environment,
  parameters: Parameters,
): Planned {
  const plans = plansOf(scope, environment)
  const key = JSON.stringify(Object.entries(parameters).sort())
  const known = plans.get(key)
  if (known !== undefined) return known
  const planned = deepFreeze(planScope(scope, environment, parameters))
  if (plans.size >= REMEMBERED) plans.delete(plans.keys().next().value ?? '')
  plans.set(key, planned)
  return planned
}

function plansOf(scope: Scope, environment: Environment): Map<string, Planned> {
  const byEnvironment = compiled.get(scope) ?? new WeakMap<Environment, Map<string, Planned>>()
  compiled.set(scope, byEnvironment)
  const plans = byEnvironment.get(environment) ?? new Map<string, Planned>()
  byEnvironment.set(environment, plans)
  return plans
}
