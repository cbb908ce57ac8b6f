import type { Environment } from '../environment/environment.ts'
import type { BlastRadius } from '../plan/blast-radius.ts'
import { fillPlaceholders } from '../plan/placeholders.ts'
import { type Planned, planScope } from '../plan/plan.ts'
import type { CatalogScope } from '../scope/catalog.ts'

const planned = new WeakMap<CatalogScope, WeakMap<Environment, Planned>>()

/**
 * What a scope gives in an environment, whatever the values of its parameters: their names stand
 * in. Once for each pair of them; a reload brings new scopes.
 */
export function planOf(found: CatalogScope, environment: Environment): Planned {
  const known = planned.get(found) ?? new WeakMap<Environment, Planned>()
  planned.set(found, known)
  const before = known.get(environment)
  if (before !== undefined) return before
  const { scope, parameters } = fillPlaceholders(found.scope, {})
  const plan = planScope(scope, environment, parameters)
  known.set(environment, plan)
  return plan
}

/** The blast radius alone; undefined where the scope has no plan. */
export function radiusOf(
  found: CatalogScope | undefined,
  environment: Environment | undefined,
): BlastRadius | undefined {
  if (found === undefined || environment === undefined) return undefined
  const plan = planOf(found, environment)
  return plan.ok ? plan.plan.blastRadius : undefined
}
