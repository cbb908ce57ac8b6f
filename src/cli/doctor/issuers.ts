import { systemClock } from '../../clock.ts'
import { type Config, requireConfig } from '../../config.ts'
import { checkIssuers, type IssuerHealth } from '../../identity/health.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { openSecrets } from '../../secrets.ts'
import type { Cli } from '../cli.ts'
import type { ConfigFlag, OutputFlag } from '../flags.ts'
import type { CheckResult } from '../output/doctor.ts'
import { report } from './report.ts'

/**
 * `credctl doctor issuers`: does every issuer publish keys that fit, is its clock right, and does its
 * cluster review tokens?
 */
export default async function issuers(cli: Cli, flags: ConfigFlag & OutputFlag): Promise<number> {
  const config = await requireConfig(flags.config)
  const secrets = openSecrets(config, cli.process.env)
  const results = await checkIssuerKeys(config, secrets.resolve).finally(() => secrets.close())
  return report(cli, flags, results)
}

export async function checkIssuerKeys(
  { issuers: configured }: Config,
  resolve: ResolveSecret,
): Promise<CheckResult[]> {
  const health = await checkIssuers(configured, { clock: systemClock, resolve })
  return health.flatMap(resultsOf)
}

function resultsOf({ issuer, problems, keys, keysAt }: IssuerHealth): CheckResult[] {
  const place = { check: 'issuers', subject: issuer }
  if (problems.length === 0) {
    const message = keysAt === undefined ? 'needs no keys' : `${keys ?? 0} keys at ${keysAt}`
    return [{ ...place, status: 'ok', message }]
  }
  const remedy =
    'Check issuer, jwks_url, algorithms and token_review, and the way to it from this machine.'
  return problems.map((message) => ({ ...place, status: 'failed', message, remedy }))
}
