import type { EnvironmentClass } from '../environment/environment.ts'
import type { Verb } from '../scope/access-postgres.ts'
import type { TargetPlan } from './plan.ts'

/** What a plan can reach, counted. The same numbers stand in `scope plan`, the API and the log. */
export interface BlastRadius {
  readonly environment: string
  readonly environmentClass: EnvironmentClass
  readonly ttlSeconds: number
  /** AWS account ids, sorted. */
  readonly accounts: readonly string[]
  readonly databases: number
  readonly tables: number
  /** Tables by what can happen to their rows. */
  readonly tablesBy: Readonly<Record<Verb, number>>
  readonly resources: { readonly named: number; readonly wildcard: number }
  /** Allowed AWS actions by class. */
  readonly actionsBy: Readonly<Record<string, number>>
}

interface Planned {
  readonly environment: string
  readonly environmentClass: EnvironmentClass
  readonly ttlSeconds: number
  readonly targets: Readonly<Record<string, TargetPlan>>
}

export function blastRadiusOf(plan: Planned): BlastRadius {
  const targets = Object.values(plan.targets)
  const postgres = targets.filter((target) => target.kind === 'postgres')
  const aws = targets.filter((target) => target.kind === 'aws')
  const mysql = targets.flatMap((target) => (target.kind === 'mysql' ? target.tables : []))
  const relations = [...postgres.flatMap((target) => target.relations), ...mysql]
  const having = (verb: Verb) =>
    relations.filter((relation) => relation.verbs.includes(verb)).length
  return {
    environment: plan.environment,
    environmentClass: plan.environmentClass,
    ttlSeconds: plan.ttlSeconds,
    accounts: [...new Set(aws.map((target) => target.account))].sort(),
    databases: postgres.length + countMysqlDatabases(targets),
    tables: relations.length,
    tablesBy: {
      select: having('select'),
      insert: having('insert'),
      update: having('update'),
      delete: having('delete'),
    },
    resources: {
      named: sum(aws.map((target) => target.resources.named)),
      wildcard: sum(aws.map((target) => target.resources.wildcard)),
    },
    actionsBy: countClasses(aws.map((target) => target.actionsBy)),
  }
}

/** On one server, each database that a table is named in. */
function countMysqlDatabases(targets: readonly TargetPlan[]): number {
  return sum(
    targets.map((target) =>
      target.kind === 'mysql' ? new Set(target.tables.map(({ database }) => database)).size : 0,
    ),
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function countClasses(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total = new Map<string, number>()
  for (const [name, count] of counts.flatMap((entry) => Object.entries(entry))) {
    total.set(name, (total.get(name) ?? 0) + count)
  }
  return Object.fromEntries([...total].sort(([a], [b]) => (a < b ? -1 : 1)))
}
