import type { Scope } from '../scope/scope.ts'
import type { Parameters } from './parameters.ts'

/** A scope that can be planned although some of its parameters have no value yet. */
export interface Filled {
  readonly scope: Scope
  readonly parameters: Parameters
  /** Parameters whose name in capitals stands in for a value. */
  readonly placeholders: readonly string[]
}

/**
 * Puts a parameter's own name, in capitals, where no value is given. Its pattern does not apply to
 * it; the rule for what any value may hold does.
 */
export function fillPlaceholders(scope: Scope, values: Parameters): Filled {
  const missing = Object.keys(scope.parameters).filter((name) => !Object.hasOwn(values, name))
  const open = missing.map((name) => [name, { ...scope.parameters[name], pattern: '.+' }])
  const standIns = missing.map((name) => [name, name.toUpperCase()])
  return {
    scope: { ...scope, parameters: { ...scope.parameters, ...Object.fromEntries(open) } },
    parameters: { ...values, ...Object.fromEntries(standIns) },
    placeholders: missing,
  }
}
