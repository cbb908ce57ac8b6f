import type { Fetched } from './credential-cache.ts'
import type { JsonObject } from './json.ts'

/** The identity that the AWS SDK for JavaScript v3 signs with: a secret. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
}

/** A credential provider of the AWS SDK for JavaScript v3. */
export type AwsCredentialProvider = () => Promise<AwsCredentials>

export function awsCredentials(answer: JsonObject): Fetched<AwsCredentials> {
  const expiration = answer.time('Expiration')
  const value = {
    accessKeyId: answer.text('AccessKeyId'),
    secretAccessKey: answer.text('SecretAccessKey'),
    sessionToken: answer.text('Token'),
    expiration,
  }
  return { value, expiresAt: expiration.getTime() }
}
