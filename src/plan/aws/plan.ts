import type { AwsTarget } from '../../environment/target-aws.ts'
import type { AwsStatement } from '../../scope/access-aws.ts'
import type { Compiled } from '../plan.ts'

/** What a scope gives in an AWS account. */
export interface AwsPlan {
  readonly kind: 'aws'
  readonly account: string
  readonly region: string
  readonly role: string
  /** The session policy, minified, without the closing expiry that minting adds. */
  readonly sessionPolicy: string
  /** Length of the policy as sent, with the expiry statement: at most 2,048. */
  readonly policySize: number
  readonly resources: { readonly named: number; readonly wildcard: number }
  /** Distinct allowed actions by class. */
  readonly actionsBy: Readonly<Record<string, number>>
  /** Actions that only `ci` and `human` may take, as `service:Action`, sorted. */
  readonly restricted: readonly string[]
}

export function planAws(
  _access: readonly AwsStatement[],
  _target: AwsTarget,
  _limits: { ttlSeconds: number },
): Compiled<AwsPlan> {
  throw new Error('compiled by the AWS planner')
}
