import { formatDuration } from '../../document/text.ts'
import type { Environment } from '../../environment/environment.ts'
import type { AwsPlan } from '../../plan/aws/plan.ts'
import type { Policy } from '../../plan/aws/policy.ts'
import type { MysqlPlan } from '../../plan/mysql/plan.ts'
import { fillPlaceholders } from '../../plan/placeholders.ts'
import { planScope, type TargetPlan } from '../../plan/plan.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import type { Scope } from '../../scope/scope.ts'
import { ruleText } from './rule-text.ts'

/**
 * Everything a scope gives and to whom, one sentence each: two versions of a scope differ exactly
 * where these do, however the files are written.
 */
export function factsOf(
  scope: Scope,
  environments: ReadonlyMap<string, Environment> | undefined,
): string[] {
  const declared = [
    ...scope.allow.map((rule) => `taken by ${ruleText(rule)}`),
    `lives ${formatDuration(scope.ttl)}`,
    ...Object.entries(scope.limits).map(([name, limit]) => `limit ${name} ${limit}`),
    ...(scope.windows.length === 0 ? [] : [`only in window ${scope.windows.join(' or ')}`]),
    ...(scope.thresholds ?? []).map((rule) => `rule ${JSON.stringify(rule)}`),
    ...Object.entries(scope.parameters).map(([name, { pattern }]) => `${name} matches ${pattern}`),
  ]
  const given = scope.environments.flatMap((name) => {
    const environment = environments?.get(name)
    if (environment === undefined) return [`in ${name}`]
    return [`in ${name} (${environment.class})`, ...factsIn(scope, environment)]
  })
  return [...declared, ...given]
}

function factsIn(scope: Scope, environment: Environment): string[] {
  const filled = fillPlaceholders(scope, {})
  const planned = planScope(filled.scope, environment, filled.parameters)
  if (!planned.ok) return planned.problems.map(({ message }) => `${environment.name}: ${message}`)
  return Object.entries(planned.plan.targets).flatMap(([name, target]) =>
    targetFacts(target).map((fact) => `${environment.name}: ${fact} (${name})`),
  )
}

function targetFacts(target: TargetPlan): string[] {
  if (target.kind === 'mysql') return mysqlFacts(target)
  return target.kind === 'postgres' ? postgresFacts(target) : awsFacts(target)
}

function mysqlFacts({ tables, limits }: MysqlPlan): string[] {
  return [
    ...tables.flatMap(({ database, table, verbs }) =>
      verbs.map((verb) => `${verb} on table ${database}.${table}`),
    ),
    `session limit connections ${limits.connections}`,
  ]
}

function postgresFacts({ relations, sequences, limits }: PostgresPlan): string[] {
  return [
    ...relations.flatMap(({ schema, table, kind, verbs, columns, rowSecurity }) => {
      const rows = rowSecurity === true ? ', rows by policy' : ''
      return verbs.map((verb) => {
        const only = columns?.[verb]
        const list = only === undefined ? '' : ` (${only.join(', ')})`
        return `${verb}${list} on ${kind} ${schema}.${table}${rows}`
      })
    }),
    ...sequences.map(({ schema, name }) => `usage on sequence ${schema}.${name}`),
    ...Object.entries(limits).map(([name, limit]) => `session limit ${name} ${limit}`),
  ]
}

/** What the compiled policy allows, action by action: a preset may have come to mean more. */
function awsFacts({ account, role, sessionPolicy }: AwsPlan): string[] {
  const policy: Policy = JSON.parse(sessionPolicy)
  const allowed = policy.Statement.filter(({ Effect }) => Effect === 'Allow')
  const pairs = allowed.flatMap(({ Action, Resource }) =>
    [Action ?? []].flat().flatMap((action) => [Resource ?? []].flat().map((on) => [action, on])),
  )
  return [`as ${role} of ${account}`, ...pairs.map(([action, on]) => `${action} on ${on}`)]
}
