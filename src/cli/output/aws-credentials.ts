import { z } from 'zod'

/** What AWS SDKs read from a `credential_process`, whatever `--output` says. */
export const awsCredentialsOutput = z
  .strictObject({
    Version: z.literal(1),
    AccessKeyId: z.string(),
    SecretAccessKey: z.string(),
    SessionToken: z.string(),
    Expiration: z.string(),
  })
  .meta({ id: 'AwsCredentials' })

export type AwsCredentialsOutput = z.infer<typeof awsCredentialsOutput>
