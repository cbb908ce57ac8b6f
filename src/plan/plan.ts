import { type Digest, digestOf } from '../canonical.ts'
import type { Environment, EnvironmentClass, Target } from '../environment/environment.ts'
import type { Scope } from '../scope/scope.ts'
import { type AwsPlan, planAws } from './aws/plan.ts'
import { type BlastRadius, blastRadiusOf } from './blast-radius.ts'
import { type MysqlPlan, planMysql } from './mysql/plan.ts'
import { fillParameters, type Parameters } from './parameters.ts'
import { type PostgresPlan, planPostgres } from './postgres/plan.ts'
import type { Compiled, PlanProblem } from './problem.ts'

/** What a scope gives at one target, in that target's own language. */
export type TargetPlan = AwsPlan | MysqlPlan | PostgresPlan

/** Exactly what a scope gives in one environment with these parameters. Deep-frozen data. */
export interface Plan {
  readonly scope: string
  readonly environment: string
  readonly environmentClass: EnvironmentClass
  readonly parameters: Parameters
  readonly ttlSeconds: number
  readonly targets: Readonly<Record<string, TargetPlan>>
  readonly blastRadius: BlastRadius
  /** Over everything above: equal digests mean equal privileges. */
  readonly digest: Digest
}

export type Planned =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] }

/**
 * Compiles a scope for an environment. Pure: the same input gives the same bytes on every machine,
 * which is what lets a reviewer compare a plan in a pull request with the digest in the log.
 */
export function planScope(scope: Scope, environment: Environment, parameters: Parameters): Planned {
  if (!scope.environments.includes(environment.name)) {
    return failed({
      code: 'environment_not_in_scope',
      path: ['environments'],
      message: `scope ${scope.name} does not list environment ${environment.name}`,
      expected: scope.environments.join(' or '),
    })
  }
  const filled = fillParameters(scope, environment.name, parameters)
  if (!filled.ok) return filled

  const problems: PlanProblem[] = []
  const targets: Record<string, TargetPlan> = {}
  for (const [name, access] of Object.entries(filled.access).sort(byKey)) {
    const target = targetOf(environment, name)
    const compiled =
      isPostgres(target) && 'postgres' in access
        ? planPostgres(access.postgres, target)
        : isAws(target) && 'aws' in access
          ? planAws(access.aws, target, { ttlSeconds: scope.ttl })
          : target?.kind === 'vault_mysql' && 'mysql' in access
            ? planMysql(access.mysql)
            : mismatch(environment, name, Object.keys(access)[0] ?? '')
    if (compiled.ok) targets[name] = compiled.plan
    else problems.push(...compiled.problems.map((problem) => under(name, access, problem)))
  }
  if (problems.length > 0) return { ok: false, problems }

  const content = {
    scope: scope.name,
    environment: environment.name,
    environmentClass: environment.class,
    parameters,
    ttlSeconds: scope.ttl,
    targets,
  }
  const digest = digestOf(content)
  return { ok: true, plan: { ...content, blastRadius: blastRadiusOf(content), digest } }
}

/** Who mints makes no difference to a plan: the same digest with Vault and without. */
function isPostgres(target: Target | undefined) {
  return target?.kind === 'postgres' || target?.kind === 'vault_postgres'
}

function isAws(target: Target | undefined) {
  return target?.kind === 'aws' || target?.kind === 'vault_aws'
}

function failed(problem: PlanProblem): { ok: false; problems: PlanProblem[] } {
  return { ok: false, problems: [problem] }
}

function mismatch(environment: Environment, name: string, wanted: string): Compiled<never> {
  const target = targetOf(environment, name)
  if (target === undefined) {
    const known = Object.keys(environment.targets).join(' or ')
    return failed({
      code: 'target_unknown',
      path: [],
      message: `environment ${environment.name} has no target ${name}`,
      ...(known === '' ? {} : { expected: known }),
    })
  }
  return failed({
    code: 'target_kind_mismatch',
    path: [],
    message: `target ${name} is ${target.kind} in ${environment.name}, the scope declares ${wanted}`,
    expected: target.kind,
  })
}

/** `constructor` is a name that a scope may write and no target has. */
function targetOf(environment: Environment, name: string): Target | undefined {
  return Object.hasOwn(environment.targets, name) ? environment.targets[name] : undefined
}

function under(name: string, access: object, problem: PlanProblem): PlanProblem {
  const isTarget = problem.code === 'target_unknown' || problem.code === 'target_kind_mismatch'
  const kind = Object.keys(access)[0] ?? ''
  const prefix = isTarget ? ['access', name] : ['access', name, kind]
  return { ...problem, path: [...prefix, ...problem.path] }
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
