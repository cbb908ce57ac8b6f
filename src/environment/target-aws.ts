import { z } from 'zod'
import { fields } from '../document/fields.ts'

/** A role the broker assumes, in one account and region. */
export const awsTarget = fields({
  account: z.string().regex(/^[0-9]{12}$/, 'not an AWS account id: 12 digits, in quotes'),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/, 'not an AWS region, such as eu-central-1'),
  role: z
    .string()
    .regex(
      /^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role\/[\w+=,.@/-]{1,512}$/,
      'not the ARN of an IAM role',
    ),
  external_id: z.string().min(2).max(1224).optional(),
})
export type AwsTarget = z.infer<typeof awsTarget>
