import { CredctlError } from '../../errors.ts'
import { type Cli, EXIT } from '../cli.ts'
import { refuseToNest } from '../exec/nesting.ts'
import type { AwsCredentialsOutput } from '../output/aws-credentials.ts'
import type { AwsCredentialsFlags } from './flags.ts'

/** `credctl aws-credentials --target T`: a `credential_process` for AWS profiles. */
export default async function awsCredentials(
  cli: Cli,
  flags: AwsCredentialsFlags,
): Promise<number> {
  refuseTerminal(cli)
  cli.process.stdout.write(`${JSON.stringify(await credential(cli, flags))}\n`)
  return EXIT.ok
}

async function credential(cli: Cli, flags: AwsCredentialsFlags): Promise<AwsCredentialsOutput> {
  const { env } = cli.process
  const { scope, env: environment } = flags
  if (scope === undefined && environment === undefined) {
    const { fetchLocally } = await import('./local.ts')
    return await fetchLocally(env, flags.target)
  }
  if (scope === undefined || environment === undefined) {
    throw new CredctlError('usage', '--scope and --env are given together, or neither')
  }
  refuseToNest(env)
  const { fetchStandalone } = await import('./standalone.ts')
  return await fetchStandalone(cli, { ...flags, scope, env: environment })
}

/** A terminal has a history, a scrollback and somebody behind the chair. */
function refuseTerminal({ process }: Cli): void {
  if (!process.stdout.isTTY) return
  throw new CredctlError('usage', 'this prints a secret, and never to a terminal', {
    hint: 'It is for credential_process of an AWS profile.',
  })
}
