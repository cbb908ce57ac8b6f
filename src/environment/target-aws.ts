import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'

const ROLE = /^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}):role\/[\w+=,.@/-]{1,512}$/

const ACCOUNT = /^[0-9]{12}$/

/** A role in one account and region, whoever assumes it. */
export const awsRole = {
  account: z.string().regex(ACCOUNT, 'not an AWS account id: 12 digits, in quotes'),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/, 'not an AWS region, such as eu-central-1'),
  role: z.string().regex(ROLE, 'not the ARN of an IAM role'),
  external_id: z
    .string()
    .regex(/^[\w+=,.@:/-]{2,1224}$/, 'not an external id: 2 to 1224 of letters, digits, _+=,.@:/-')
    .optional(),
}

/** The role must be of the account, and the region of the role's partition. */
export function roleWithinAccount(
  { account, region, role }: { account: string; region: string; role: string },
  context: z.core.$RefinementCtx,
): void {
  const [, partition, owner] = ROLE.exec(role) ?? []
  if (partition === undefined || !ACCOUNT.test(account)) return
  if (owner !== account) {
    const message = `the role is in account ${owner}, the target in ${account}`
    refuse(context, message, { path: ['role'], expected: `a role in account ${account}` })
  }
  if (partition !== partitionOfRegion(region)) {
    const message = `region ${region} is not in partition ${partition}`
    refuse(context, message, { path: ['region'], expected: `a region of partition ${partition}` })
  }
}

/** A role the broker assumes itself. */
export const awsTarget = fields({
  ...awsRole,
  /** A role of the same account that may write inline policies of `role`: it ends single sessions. */
  revoker: z.string().regex(ROLE, 'not the ARN of an IAM role').optional(),
})
  .superRefine(roleWithinAccount)
  .superRefine(({ account, role, revoker }, context) => {
    if (!ROLE.test(role) || !ACCOUNT.test(account)) return
    if (revoker !== undefined && ROLE.exec(revoker)?.[2] !== account) {
      const message = `the revoker is not in account ${account}`
      refuse(context, message, { path: ['revoker'], expected: `a role in account ${account}` })
    }
    if (revoker === role) {
      // Whoever writes a role's policies can give it anything.
      const message = 'the revoker is the role itself'
      refuse(context, message, { path: ['revoker'], expected: 'a role of its own' })
    }
  })
export type AwsTarget = z.infer<typeof awsTarget>

/** Partitions are separate clouds: a role in one cannot hold anything in another. */
function partitionOfRegion(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}
