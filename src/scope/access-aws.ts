import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'

/** Presets expand to classified actions of the resource's service. */
export const PRESETS = ['read', 'dml', 'operate'] as const
export type Preset = (typeof PRESETS)[number]

/** Stands in `on` for actions that AWS knows no resource for. */
export const NO_RESOURCE = '*'

const action = z.string().regex(/^[A-Za-z0-9-]+:[A-Za-z0-9]+$/, {
  message: 'not an AWS action: write service:Action in full, without wildcards',
})

const resource = z
  .string()
  .regex(/^(\*|arn:aws(-cn|-us-gov)?:[a-z0-9-]+:[\x21-\x7e]*)$/, {
    message: 'not an ARN in printable ASCII, nor * for actions without a resource',
  })
  .max(512)

/** Services that use a caller's KMS key on the caller's behalf. */
const KEY_SERVICES = [
  'dynamodb',
  'kinesis',
  'lambda',
  'logs',
  's3',
  'secretsmanager',
  'sns',
  'sqs',
  'ssm',
] as const

const leadingKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,256}$/, 'not a partition key in printable ASCII without spaces')

const statement = fields({
  do: z.union([z.enum(PRESETS), z.array(action).min(1).max(50)]),
  on: z.array(resource).min(1).max(50),
  /** `s3:PutObject` creates and never overwrites. */
  create_only: z.literal(true).optional(),
  /** DynamoDB items under these partition keys only; may hold holes. */
  leading_keys: z.array(leadingKey).min(1).max(20).optional(),
  /** A KMS key serves this service on the task's behalf, never the task itself. */
  via: z.enum(KEY_SERVICES).optional(),
  /** The one service a role may be passed to, such as `ecs-tasks.amazonaws.com`. */
  passed_to: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$/, 'not an AWS service principal')
    .optional(),
  /** Required for actions above the presets; reviewers and the ledger see it. */
  reason: z.string().min(10, 'a reason is a sentence').max(500).optional(),
}).superRefine(({ on }, context) => {
  if (on.length > 1 && on.includes(NO_RESOURCE)) {
    const expected = 'a statement of its own for actions without a resource'
    refuse(context, '* stands beside other resources', { path: ['on'], expected })
  }
})

export const awsAccess = z.array(statement).min(1, 'no statements').max(20)
export type AwsStatement = z.infer<typeof statement>
