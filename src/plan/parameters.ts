import type { AwsStatement } from '../scope/access-aws.ts'
import type { MysqlAccess } from '../scope/access-mysql.ts'
import type { PostgresAccess } from '../scope/access-postgres.ts'
import { HOLE } from '../scope/holes.ts'
import { valueProblem } from '../scope/parameter.ts'
import type { Scope } from '../scope/scope.ts'
import type { PlanProblem } from './problem.ts'

/** What a caller sends to fill a scope's declared holes. */
export type Parameters = Readonly<Record<string, string>>

/** Access with every hole filled. */
export type FilledAccess =
  | { readonly postgres: PostgresAccess }
  | { readonly mysql: MysqlAccess }
  | { readonly aws: readonly AwsStatement[] }

type Filled =
  | { readonly ok: true; readonly access: Readonly<Record<string, FilledAccess>> }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] }

/**
 * Checks the caller's values against the scope's declarations and puts them into its resources.
 * Nothing a caller sends can widen a plan (invariant 7): values cannot contain a wildcard, a
 * separator or a substitution character, and holes exist only where the scope wrote them.
 */
export function fillParameters(scope: Scope, environment: string, values: Parameters): Filled {
  const problems = parameterProblems(scope, values)
  if (problems.length > 0) return { ok: false, problems }
  const known = new Map(Object.entries({ ...values, environment }))
  const fill = (text: string) => text.replaceAll(HOLE, (hole, name) => known.get(name) ?? hole)
  const access = Object.entries(scope.access).map(([name, declared]): [string, FilledAccess] => [
    name,
    'aws' in declared ? { aws: declared.aws.map((entry) => fillStatement(entry, fill)) } : declared,
  ])
  return { ok: true, access: Object.fromEntries(access) }
}

function fillStatement(entry: AwsStatement, fill: (text: string) => string): AwsStatement {
  const { on, leading_keys: keys } = entry
  const filled = keys === undefined ? {} : { leading_keys: keys.map(fill) }
  return { ...entry, on: on.map(fill), ...filled }
}

function parameterProblems(scope: Scope, values: Parameters): PlanProblem[] {
  const declared = Object.keys(scope.parameters)
  const unknown = Object.keys(values)
    .filter((name) => !Object.hasOwn(scope.parameters, name))
    .map(
      (name): PlanProblem => ({
        code: 'parameter_unknown',
        path: ['parameters'],
        message: `scope ${scope.name} has no parameter ${JSON.stringify(name)}`,
        expected: declared.length === 0 ? 'no parameters' : declared.join(' or '),
      }),
    )
  const refused = Object.entries(scope.parameters).flatMap(([name, parameter]): PlanProblem[] => {
    const path = ['parameters', name]
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) {
      const message = `parameter ${name} is missing`
      return [{ code: 'parameter_missing', path, message, expected: parameter.pattern }]
    }
    const problem = valueProblem(parameter, value)
    if (problem === undefined) return []
    // The value stays out of the message: it comes from outside and may be hostile or secret.
    return [{ code: 'parameter_refused', path, message: `parameter ${name} ${problem}` }]
  })
  return [...unknown, ...refused]
}
