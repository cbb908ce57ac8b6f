import { type Config, requireConfig } from '../../config.ts'
import type { Environment } from '../../environment/environment.ts'
import type { AwsTarget } from '../../environment/target-aws.ts'
import { type AwsFinding, preflightAws } from '../../mint/sts/preflight.ts'
import type { Cli } from '../cli.ts'
import type { ConfigFlag, OutputFlag } from '../flags.ts'
import { notFound } from '../not-found.ts'
import type { CheckResult } from '../output/doctor.ts'
import { report } from './report.ts'

type Flags = ConfigFlag & OutputFlag & { readonly env?: string }

/**
 * `credctl doctor aws [TARGET]`: tries each role with sessions that can do nothing, with the AWS
 * credentials of whoever runs it, which should be the broker's.
 */
export default async function aws(cli: Cli, flags: Flags, name?: string): Promise<number> {
  const config = await requireConfig(flags.config)
  const all = rolesOf(config)
  const wanted = all.filter(
    ({ target, environment }) =>
      (name === undefined || target === name) &&
      (flags.env === undefined || environment.name === flags.env),
  )
  if (wanted.length === 0) {
    const where = `in ${flags.env ?? flags.config}`
    throw notFound('AWS target', name, where, new Set(all.map((each) => each.target)))
  }
  const results: CheckResult[] = []
  // One after the other: sessions of a check should not use up what sessions of tasks need.
  for (const role of wanted) results.push(...(await checkRole(role)))
  return report(cli, flags, results)
}

interface Role {
  readonly environment: Environment
  readonly target: string
  readonly place: AwsTarget
}

function rolesOf({ environments }: Config): Role[] {
  return [...environments.values()].flatMap((environment) =>
    Object.entries(environment.targets).flatMap(([target, place]) =>
      place.kind === 'aws' ? [{ environment, target, place }] : [],
    ),
  )
}

async function checkRole({ environment, target, place }: Role): Promise<CheckResult[]> {
  const { STSClient } = await import('@aws-sdk/client-sts')
  const sts = new STSClient({ region: place.region, ignoreConfiguredEndpointUrls: true })
  try {
    const findings = await preflightAws(place, { sts, environment })
    return findings.map((finding) => resultOf(`${environment.name}.${target}`, finding))
  } finally {
    sts.destroy()
  }
}

const STATUS = { ok: 'ok', warns: 'warning', blocks: 'failed' } as const

function resultOf(subject: string, { finding, status, message, fix }: AwsFinding): CheckResult {
  return {
    check: 'targets',
    subject,
    status: STATUS[status],
    message: `${finding}: ${message}`,
    ...(fix === undefined ? {} : { remedy: fix }),
  }
}
