import type { JsonObject } from '../../client/json.ts'
import type { AwsCredentialsOutput } from '../output/aws-credentials.ts'

/** The format that AWS SDKs read from a `credential_process`, of what a broker answers. */
export function processOutput(credential: JsonObject): AwsCredentialsOutput {
  return {
    Version: 1,
    AccessKeyId: credential.text('AccessKeyId'),
    SecretAccessKey: credential.text('SecretAccessKey'),
    SessionToken: credential.text('Token'),
    Expiration: credential.time('Expiration').toISOString(),
  }
}
