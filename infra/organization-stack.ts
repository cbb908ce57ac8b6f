import { aws_organizations as organizations, Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { organizationPolicy } from './policies.ts'

export interface OrganizationStackProps extends StackProps {
  /** Root, organizational units or accounts the policy is attached to. */
  readonly attachTo: readonly string[]
  /** Pattern of the roles that deploy the target stacks, such as those of the CDK bootstrap. */
  readonly deployRole: string
}

/** The service control policy: nobody but credctl's own deployment changes credctl's roles. */
export class OrganizationStack extends Stack {
  constructor(scope: Construct, id: string, props: OrganizationStackProps) {
    super(scope, id, props)
    new organizations.CfnPolicy(this, 'Roles', {
      name: 'credctl-roles',
      description: 'Keeps the roles of credctl as they were deployed',
      type: 'SERVICE_CONTROL_POLICY',
      content: organizationPolicy(props.deployRole),
      targetIds: [...props.attachTo],
    })
  }
}
