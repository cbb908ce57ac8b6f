import {
  Duration,
  aws_events as events,
  aws_events_targets as eventTargets,
  aws_iam as iam,
  Stack,
  type StackProps,
  aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
} from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { Policy } from '../src/plan/aws/policy.ts'
import {
  boundary,
  guard,
  REVOKER_SUFFIX,
  ROLE_PATH,
  revokerPolicy,
  revokerTrust,
  targetTrust,
} from './policies.ts'
import type { TargetSettings } from './settings.ts'

export interface TargetStackProps extends StackProps {
  readonly brokerRole: string
  readonly target: TargetSettings
}

/**
 * One target account: the role that sessions are made of with its ceiling, guard and boundary, the
 * role that ends them, and an alarm when anybody assumes the first without the broker.
 */
export class TargetStack extends Stack {
  constructor(scope: Construct, id: string, { brokerRole, target, ...props }: TargetStackProps) {
    super(scope, id, props)
    const limit = managed(this, 'Boundary', boundary())
    const role = new iam.CfnRole(this, 'Task', {
      roleName: target.role,
      path: ROLE_PATH,
      description: 'Sessions of credctl grants; each carries a session policy of its own',
      assumeRolePolicyDocument: targetTrust(brokerRole, target),
      managedPolicyArns: [...target.ceiling, managed(this, 'Guard', guard()).ref],
      permissionsBoundary: limit.ref,
      maxSessionDuration: Duration.hours(1).toSeconds(),
    })
    const roleArn = `arn:${this.partition}:iam::${target.account}:role${ROLE_PATH}${target.role}`
    const revoker = new iam.CfnRole(this, 'Revoker', {
      roleName: `${target.role}${REVOKER_SUFFIX}`,
      path: ROLE_PATH,
      description: 'Writes the denies that end single credctl grants',
      assumeRolePolicyDocument: revokerTrust(brokerRole),
      policies: [{ policyName: 'deny', policyDocument: revokerPolicy(roleArn) }],
      maxSessionDuration: Duration.hours(1).toSeconds(),
    })
    revoker.node.addDependency(role)
    this.#alarm(roleArn, target.alarmsTo)
  }

  /** AWS knows no condition "a session policy was passed": a stolen broker identity shows only here. */
  #alarm(roleArn: string, email: string): void {
    const topic = new sns.Topic(this, 'Alarms', { enforceSSL: true })
    topic.addSubscription(new subscriptions.EmailSubscription(email))
    const strange = [
      { sourceIdentity: [{ exists: false }] },
      { sourceIdentity: [{ 'anything-but': { prefix: 'credctl-' } }] },
      { policy: [{ exists: false }] },
    ]
    new events.Rule(this, 'AssumedWithoutCredctl', {
      description: 'The task role of credctl was assumed, and not by credctl',
      eventPattern: {
        source: ['aws.sts'],
        detailType: ['AWS API Call via CloudTrail'],
        detail: {
          eventName: ['AssumeRole'],
          requestParameters: { roleArn: [roleArn], $or: strange },
        },
      },
      targets: [new eventTargets.SnsTopic(topic)],
    })
  }
}

function managed(scope: Construct, id: string, document: Policy): iam.CfnManagedPolicy {
  const props = { path: ROLE_PATH, policyDocument: document }
  return new iam.CfnManagedPolicy(scope, id, props)
}
