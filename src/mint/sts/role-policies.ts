import type { IAMClient, IAMClientConfig } from '@aws-sdk/client-iam'
import type { STSClient } from '@aws-sdk/client-sts'
import type { AwsTarget } from '../../environment/target-aws.ts'
import type { Policy } from '../../plan/aws/policy.ts'

/** The inline policies of one target role, as far as revocation needs them. */
export interface RolePolicies {
  put(name: string, policy: Policy): Promise<void>
  /** The policy's text as IAM holds it, or undefined. */
  read(name: string): Promise<string | undefined>
  names(): Promise<readonly string[]>
  remove(name: string): Promise<void>
  close(): Promise<void>
}

/**
 * The target role's inline policies, reached through the revoker role. Its session carries a
 * session policy for this one role: `iam:PutRolePolicy` is privilege escalation everywhere else.
 */
export function rolePolicies(
  { role, region }: AwsTarget,
  revoker: string,
  sts: () => Promise<STSClient>,
  config: Pick<IAMClientConfig, 'endpoint'> = {},
): RolePolicies {
  const RoleName = role.split('/').at(-1) ?? ''
  let opened: Promise<IAMClient> | undefined
  const open = async () => {
    const { IAMClient } = await import('@aws-sdk/client-iam')
    return new IAMClient({
      region,
      ignoreConfiguredEndpointUrls: true,
      maxAttempts: 5,
      credentials: async () => await assumeRevoker(await sts(), revoker, role),
      ...config,
    })
  }
  const client = () => {
    opened ??= open()
    return opened
  }
  return {
    put: async (PolicyName, policy) => {
      const { PutRolePolicyCommand } = await import('@aws-sdk/client-iam')
      const PolicyDocument = JSON.stringify(policy)
      const iam = await client()
      await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }))
    },
    read: async (PolicyName) => {
      const { GetRolePolicyCommand } = await import('@aws-sdk/client-iam')
      const iam = await client()
      try {
        const answer = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))
        // IAM answers with the document URL-encoded (RFC 3986).
        return decodeURIComponent(answer.PolicyDocument ?? '')
      } catch (error) {
        if (isNamed(error, 'NoSuchEntity')) return undefined
        throw error
      }
    },
    names: async () => {
      const { paginateListRolePolicies } = await import('@aws-sdk/client-iam')
      const names: string[] = []
      const pages = paginateListRolePolicies({ client: await client() }, { RoleName })
      for await (const page of pages) names.push(...(page.PolicyNames ?? []))
      return names
    },
    remove: async (PolicyName) => {
      const { DeleteRolePolicyCommand } = await import('@aws-sdk/client-iam')
      const iam = await client()
      try {
        await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }))
      } catch (error) {
        if (!isNamed(error, 'NoSuchEntity')) throw error
      }
    },
    close: async () => (await opened)?.destroy(),
  }
}

/** True for IAM errors of this name, with or without `Exception` at its end. */
export function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name.replace(/Exception$/, '') === name
}

async function assumeRevoker(sts: STSClient, revoker: string, role: string) {
  const { AssumeRoleCommand } = await import('@aws-sdk/client-sts')
  const actions = ['Put', 'Get', 'Delete'].map((verb) => `iam:${verb}RolePolicy`)
  const policy: Policy = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: [...actions, 'iam:ListRolePolicies'], Resource: role },
      { Effect: 'Deny', NotAction: [...actions, 'iam:ListRolePolicies'], Resource: '*' },
      { Effect: 'Deny', Action: '*', NotResource: role },
    ],
  }
  const { Credentials: keys } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: revoker,
      RoleSessionName: 'credctl-revoker',
      DurationSeconds: 900,
      Policy: JSON.stringify(policy),
    }),
  )
  if (!keys?.AccessKeyId || !keys.SecretAccessKey) throw new Error('STS gave no revoker session')
  return {
    accessKeyId: keys.AccessKeyId,
    secretAccessKey: keys.SecretAccessKey,
    ...(keys.SessionToken === undefined ? {} : { sessionToken: keys.SessionToken }),
    ...(keys.Expiration === undefined ? {} : { expiration: keys.Expiration }),
  }
}
