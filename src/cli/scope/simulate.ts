import { CredctlError } from '../../errors.ts'
import type { AwsPlan } from '../../plan/aws/plan.ts'
import { type Question, type Simulation, simulateAws } from '../../plan/aws/simulate.ts'
import type { Plan } from '../../plan/plan.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { notFound } from '../not-found.ts'
import type { ScopeSimulateOutput } from '../output/scope.ts'
import { answer, heading, printable } from '../terminal.ts'
import { type PlanFlags, planFromFiles } from './planned.ts'

type Flags = PlanFlags &
  OutputFlag & {
    readonly action: string
    readonly resource: string
    readonly target?: string
    readonly context?: readonly (readonly [string, string])[]
    readonly aws: boolean
  }

/** `credctl scope simulate NAME --env E --action A --resource R`: 0 when allowed, 1 when not. */
export default async function simulate(cli: Cli, flags: Flags, name: string): Promise<number> {
  const { plan } = await planFromFiles(cli, flags, name)
  const [target, aws] = awsTarget(plan, flags.target)
  const { action, resource } = flags
  const question: Question = { action, resource, context: contextOf(flags) }
  const ours = simulateAws(aws, question)
  const iam = flags.aws ? await comparison(aws, question, ours) : undefined
  const { by, ...rest } = ours
  const value: ScopeSimulateOutput = {
    target,
    action,
    resource,
    ...rest,
    ...(by === undefined ? {} : { by: { kind: by.kind, statement: { ...by.statement } } }),
    ...(iam === undefined ? {} : { iam }),
  }
  answer(cli, flags, value, (shown) => text(cli, shown))
  return ours.answer === 'allowed' && iam?.agrees !== false ? EXIT.ok : EXIT.failed
}

/** Several values for one key are one list, as IAM has it. */
function contextOf({ context = [] }: Flags): Record<string, string | string[]> {
  const byKey = Map.groupBy(context, ([key]) => key)
  return Object.fromEntries(
    [...byKey].map(([key, pairs]) => {
      const values = pairs.map(([, value]) => value)
      return [key, values.length === 1 ? (values[0] ?? '') : values]
    }),
  )
}

function awsTarget(plan: Plan, wanted: string | undefined): [name: string, plan: AwsPlan] {
  const targets = Object.entries(plan.targets).flatMap(([name, each]): [string, AwsPlan][] =>
    each.kind === 'aws' ? [[name, each]] : [],
  )
  const names = targets.map(([name]) => name)
  const where = `in the plan of ${plan.scope}`
  if (wanted === undefined && targets.length > 1) {
    const hint = `Give --target: ${names.join(' or ')}.`
    throw new CredctlError('usage', `there are several AWS targets ${where}`, { hint })
  }
  const found = wanted === undefined ? targets[0] : targets.find(([name]) => name === wanted)
  if (found !== undefined) return found
  throw notFound('AWS target', wanted, where, names)
}

/** IAM's own simulator, with whatever AWS credentials are at hand. */
async function comparison(plan: AwsPlan, question: Question, ours: Simulation) {
  const { IAMClient } = await import('@aws-sdk/client-iam')
  const { askIam } = await import('../../mint/sts/ask-iam.ts')
  const client = new IAMClient({ region: plan.region })
  const { iam, missing, agrees } = await askIam(client, plan, question, ours)
  return { answer: iam, missing: [...missing], agrees }
}

function text(cli: Cli, value: ScopeSimulateOutput): string {
  const { answer: verdict, action, resource, why, by, iam } = value
  const lines = [
    `${heading(cli, verdict)}  ${printable(`${action} on ${resource}`)}`,
    `  ${printable(why)}`,
    ...(value.class === undefined ? [] : [`  class ${value.class}`]),
    ...(value.nearest === undefined ? [] : [`  nobody classified it; nearest is ${value.nearest}`]),
    ...(by === undefined ? [] : [`  decided by: ${printable(JSON.stringify(by.statement))}`]),
    ...(iam === undefined
      ? []
      : [`  IAM says ${iam.answer}: ${iam.agrees ? 'the same' : 'NOT the same'}`]),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
