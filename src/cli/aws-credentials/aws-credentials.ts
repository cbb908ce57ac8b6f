import { CredctlError } from '../../errors.ts'
import { brokerUrl } from '../broker/address.ts'
import { fetchCredential } from '../broker/grant.ts'
import { readToken } from '../broker/identity.ts'
import type { JsonObject } from '../broker/json.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import type { AwsCredentialsOutput } from '../output/aws-credentials.ts'

type Flags = BrokerFlag & OutputFlag & { readonly target: string }

/** `credctl aws-credentials --target T`: a `credential_process` for AWS profiles under a grant. */
export default async function awsCredentials(cli: Cli, flags: Flags): Promise<number> {
  refuseTerminal(cli)
  const file = cli.process.env['CREDCTL_GRANT_TOKEN_FILE']
  if (file === undefined || file === '') {
    throw new CredctlError('usage', 'there is no grant here', {
      hint: 'Run this under credctl exec, which sets CREDCTL_GRANT_TOKEN_FILE.',
    })
  }
  const token = await readToken(file)
  const credential = await fetchCredential(brokerUrl(cli, flags), token, flags.target)
  cli.process.stdout.write(`${JSON.stringify(processOutput(credential))}\n`)
  return EXIT.ok
}

/** A terminal has a history, a scrollback and somebody behind the chair. */
function refuseTerminal({ process }: Cli): void {
  if (!process.stdout.isTTY) return
  throw new CredctlError('usage', 'this prints a secret, and never to a terminal', {
    hint: 'It is for credential_process of an AWS profile.',
  })
}

/** The format that AWS SDKs read from a `credential_process`. */
function processOutput(credential: JsonObject): AwsCredentialsOutput {
  return {
    Version: 1,
    AccessKeyId: credential.text('AccessKeyId'),
    SecretAccessKey: credential.text('SecretAccessKey'),
    SessionToken: credential.text('Token'),
    Expiration: credential.text('Expiration'),
  }
}
