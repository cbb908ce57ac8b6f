import { Duration, aws_iam as iam, Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { BROKER_ROLE, brokerPolicy, ROLE_PATH } from './policies.ts'
import type { Settings } from './settings.ts'

export interface BrokerStackProps extends StackProps {
  readonly settings: Settings
}

const GITHUB = 'token.actions.githubusercontent.com'

/**
 * The broker's account: the one role that target roles trust, and the role that deploys these stacks
 * from a protected environment of one repository.
 */
export class BrokerStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: BrokerStackProps) {
    super(scope, id, props)
    const { targets, github } = settings
    new iam.CfnRole(this, 'Broker', {
      roleName: BROKER_ROLE,
      path: ROLE_PATH,
      description: 'The credctl broker: becomes the task and revoker roles of target accounts',
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'ecs-tasks.amazonaws.com' },
            Action: 'sts:AssumeRole',
            Condition: { StringEquals: { 'aws:SourceAccount': settings.broker.account } },
          },
        ],
      },
      policies: [{ policyName: 'assume', policyDocument: brokerPolicy(this.partition, targets) }],
      maxSessionDuration: Duration.hours(1).toSeconds(),
    })
    const provider = new iam.CfnOIDCProvider(this, 'GitHub', {
      url: `https://${GITHUB}`,
      clientIdList: ['sts.amazonaws.com'],
    })
    new iam.CfnRole(this, 'Deploy', {
      roleName: 'deploy',
      path: ROLE_PATH,
      description: 'Deploys the stacks of credctl through the CDK bootstrap roles',
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Federated: provider.ref },
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: {
              StringEquals: {
                [`${GITHUB}:aud`]: 'sts.amazonaws.com',
                // Ids, because names of repositories can be taken over.
                [`${GITHUB}:repository_id`]: github.repositoryId,
                [`${GITHUB}:environment`]: github.environment,
                [`${GITHUB}:ref`]: 'refs/heads/main',
              },
            },
          },
        ],
      },
      policies: [{ policyName: 'cdk', policyDocument: this.#deployPolicy(settings) }],
      maxSessionDuration: Duration.hours(1).toSeconds(),
    })
  }

  #deployPolicy({ targets, broker }: Settings) {
    const accounts = [...new Set([broker.account, ...targets.map((each) => each.account)])].sort()
    const roles = accounts.map((account) => `arn:${this.partition}:iam::${account}:role/cdk-*`)
    return {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roles }],
    }
  }
}
