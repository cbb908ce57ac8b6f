import type { Config } from '../../config.ts'
import type { Diagnostic, Problem } from '../../document/diagnostic.ts'
import { nearest } from '../../document/nearest.ts'
import { fillPlaceholders } from '../../plan/placeholders.ts'
import { planScope } from '../../plan/plan.ts'
import type { PlanProblem } from '../../plan/problem.ts'
import type { ReadScope } from '../../scope/catalog.ts'
import type { Scope } from '../../scope/scope.ts'

/** What a scope names that the configuration lacks, and what does not compile where it should. */
export function problemsInEnvironments(scopes: readonly ReadScope[], config: Config): Diagnostic[] {
  return scopes.flatMap(({ scope, document }) => {
    const problems = [
      ...unknownIssuers(scope, config),
      ...unknownWindows(scope, config),
      ...scope.environments.flatMap((name, index) => inEnvironment(scope, config, name, index)),
    ]
    const located = problems.map((problem) => document.locate(problem))
    return located.filter((problem, index) => isFirst(problem, located.slice(0, index)))
  })
}

function unknownIssuers(scope: Scope, { issuers }: Config): Problem[] {
  return scope.allow.flatMap(({ issuer }, index) =>
    Object.hasOwn(issuers, issuer)
      ? []
      : [unknown('issuer', issuer, Object.keys(issuers), ['allow', index, 'issuer'])],
  )
}

/** A window that nobody defined is never open. */
function unknownWindows(scope: Scope, { environments }: Config): Problem[] {
  const [first] = environments.values()
  const windows = first?.schedule.windows ?? new Map()
  return scope.windows.flatMap((name, index) =>
    windows.has(name) ? [] : [unknown('window', name, windows.keys(), ['windows', index])],
  )
}

function inEnvironment(scope: Scope, config: Config, name: string, index: number): Problem[] {
  const environment = config.environments.get(name)
  if (environment === undefined) {
    return [unknown('environment', name, config.environments.keys(), ['environments', index])]
  }
  const filled = fillPlaceholders(scope, {})
  const planned = planScope(filled.scope, environment, filled.parameters)
  return planned.ok ? [] : planned.problems.filter((problem) => !hangsOnValue(scope, problem))
}

function unknown(
  what: string,
  name: string,
  known: Iterable<string>,
  path: (string | number)[],
): Problem {
  const names = [...known]
  const expected = nearest(name, names) ?? names.join(' or ')
  return { path, message: `there is no ${what} ${name}`, ...(expected === '' ? {} : { expected }) }
}

/** A resource with a parameter in it can only be judged with the caller's value. */
function hangsOnValue(scope: Scope, { path }: PlanProblem): boolean {
  let value: unknown = scope
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return false
    value = Object.entries(value).find(([key]) => key === String(step))?.[1]
  }
  const holes = Object.keys(scope.parameters).map((name) => `\${${name}}`)
  return typeof value === 'string' && holes.some((hole) => String(value).includes(hole))
}

/** The same mistake shows in every environment of the scope: once is enough. */
function isFirst(problem: Diagnostic, earlier: readonly Diagnostic[]): boolean {
  const key = JSON.stringify(problem)
  return earlier.every((each) => JSON.stringify(each) !== key)
}
