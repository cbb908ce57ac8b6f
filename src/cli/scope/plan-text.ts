import { formatDuration } from '../../document/text.ts'
import type { AwsPlan } from '../../plan/aws/plan.ts'
import { MAX_POLICY_SIZE } from '../../plan/aws/policy.ts'
import type { BlastRadius } from '../../plan/blast-radius.ts'
import type { Plan, TargetPlan } from '../../plan/plan.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import type { Cli } from '../cli.ts'
import { heading, printable } from '../terminal.ts'

/** A plan as a reviewer reads it: each target in its own language, then what it adds up to. */
export function planText(cli: Cli, plan: Plan): string {
  const { scope, environment, environmentClass, ttlSeconds } = plan
  const sections: [title: string, lines: string[]][] = [
    [
      `${scope} in ${environment}`,
      [
        `class       ${environmentClass}`,
        `ttl         ${formatDuration(ttlSeconds)}`,
        ...Object.entries(plan.parameters).map(([name, value]) => `parameter   ${name}=${value}`),
        `digest      ${plan.digest}`,
      ],
    ],
    ...Object.entries(plan.targets).map(([name, target]): [string, string[]] => [
      `${name} (${target.kind})`,
      targetLines(target),
    ]),
    ['blast radius', blastRadiusLines(plan.blastRadius)],
  ]
  return sections
    .map(([title, lines]) =>
      [heading(cli, title), ...lines.map((line) => `  ${printable(line)}`)].join('\n'),
    )
    .join('\n\n')
    .concat('\n')
}

function targetLines(target: TargetPlan): string[] {
  if (target.kind === 'mysql') return target.statements.map((statement) => `${statement};`)
  return target.kind === 'postgres' ? postgresLines(target) : awsLines(target)
}

function postgresLines({ database, statements }: PostgresPlan): string[] {
  return [`database    ${database}`, ...statements.map((statement) => `${statement};`)]
}

function awsLines({ account, region, role, sessionPolicy, policySize }: AwsPlan): string[] {
  return [
    `account     ${account}, ${region}`,
    `role        ${role}`,
    `session policy, ${policySize} of at most ${MAX_POLICY_SIZE} characters as sent:`,
    ...JSON.stringify(JSON.parse(sessionPolicy), null, 2).split('\n'),
  ]
}

type Counted = Omit<BlastRadius, 'tablesBy'> & {
  readonly tablesBy: Readonly<Record<string, number>>
}

export function blastRadiusLines(radius: Counted): string[] {
  const { databases, tables, tablesBy, accounts, resources, actionsBy } = radius
  const lines: string[] = []
  if (databases > 0) {
    lines.push(`databases   ${databases}`, `tables      ${tables} (${counts(tablesBy)})`)
  }
  if (accounts.length > 0) {
    lines.push(
      `accounts    ${accounts.join(', ')}`,
      `resources   ${resources.named} by name, ${resources.wildcard} by wildcard`,
      `actions     ${counts(actionsBy)}`,
    )
  }
  return lines
}

function counts(by: Readonly<Record<string, number>>): string {
  const named = Object.entries(by).filter(([, count]) => count > 0)
  return named.map(([name, count]) => `${name} ${count}`).join(', ')
}
