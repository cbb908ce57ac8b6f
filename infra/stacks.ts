import { type App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { BrokerStack } from './broker-stack.ts'
import { OrganizationStack } from './organization-stack.ts'
import { BROKER_ROLE, ROLE_PATH } from './policies.ts'
import { parseSettings } from './settings.ts'
import { TargetStack } from './target-stack.ts'

/** Every stack of a deployment, checked by cdk-nag; what it may not check says why. */
export function addStacks(app: App, value: unknown) {
  const settings = parseSettings(value)
  const { broker } = settings
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  const brokerStack = new BrokerStack(app, 'credctl-broker', { settings, env: broker })
  const organization = new OrganizationStack(app, 'credctl-organization', {
    attachTo: [settings.organization.root],
    deployRole: 'arn:*:iam::*:role/cdk-*',
    env: { account: settings.organization.account, region: broker.region },
  })
  const targets = settings.targets.map((target) => {
    const brokerRole = `arn:aws:iam::${broker.account}:role${ROLE_PATH}${BROKER_ROLE}`
    const { account, region } = target
    const env = { account, region }
    const stack = new TargetStack(app, `credctl-target-${target.name}`, { target, brokerRole, env })
    Validations.of(stack).acknowledge(
      ...target.ceiling.map((arn) => ({
        id: `AwsSolutions::AwsSolutions-IAM4[Policy::${arn}]`,
        reason: 'The ceiling is the choice of the operator; boundary and guard deny beyond it',
      })),
      ...['Action::*', 'Resource::*'].map((finding) => ({
        id: `AwsSolutions::AwsSolutions-IAM5[${finding}]`,
        reason: 'The one allow of the boundary limits and grants nothing; all else are denies',
      })),
    )
    return stack
  })
  const accounts = new Set([broker.account, ...settings.targets.map((each) => each.account)])
  Validations.of(brokerStack).acknowledge(
    ...[...accounts].map((account) => ({
      id: `AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:iam::${account}:role/cdk-*]`,
      reason: 'The roles of the CDK bootstrap carry qualifier and region in their names',
    })),
  )
  return { brokerStack, organization, targets }
}
