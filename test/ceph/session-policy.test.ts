import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planAws } from '../../src/plan/aws/plan.ts'
import { MAX_POLICY_SIZE, type Policy, type PolicyStatement } from '../../src/plan/aws/policy.ts'
import { AWS_TARGET } from '../support/aws-grant.ts'
import { type Gateway, startGateway } from './cluster.ts'

/** Opt-in: it needs Debian's Ceph packages and half a minute. `npm run test:ceph`. */
const enabled = process.env['CREDCTL_CEPH'] !== undefined

const ROLE = 'arn:aws:iam:::role/task'
const OWN = 'arn:aws:s3:::own/orders/*'

let gateway: Gateway
let owner: S3Client
let sts: STSClient
let iam: IAMClient

const options = (credentials = gateway.credentials) => ({
  region: 'us-east-1',
  endpoint: gateway.endpoint,
  credentials,
})

async function session(name: string, policy?: Policy | string): Promise<S3Client> {
  const text = typeof policy === 'object' ? JSON.stringify(policy) : policy
  const { Credentials: keys } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: ROLE,
      RoleSessionName: name,
      ...(text === undefined ? {} : { Policy: text }),
    }),
  )
  const credentials = {
    accessKeyId: keys?.AccessKeyId ?? '',
    secretAccessKey: keys?.SecretAccessKey ?? '',
    sessionToken: keys?.SessionToken ?? '',
  }
  return new S3Client({ ...options(credentials), forcePathStyle: true })
}

const get = (client: S3Client, Bucket: string, Key: string) =>
  status(client.send(new GetObjectCommand({ Bucket, Key })))
const put = (client: S3Client, Bucket: string, Key: string) =>
  status(client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })))

/** HTTP statuses: the gateway's error names are not those of AWS. */
async function status(sent: Promise<{ $metadata: { httpStatusCode?: number } }>): Promise<number> {
  return await sent.then(
    ({ $metadata }) => $metadata.httpStatusCode ?? 0,
    (error: { $metadata?: { httpStatusCode?: number } }) => error.$metadata?.httpStatusCode ?? 0,
  )
}

/**
 * A compiled policy without what this gateway does not know: services other than S3, the account of
 * a bucket, and denies with NotAction, which it ignores.
 */
function compiled(actions: string[], on: string[]): Policy {
  const planned = planAws([{ do: actions, on }], AWS_TARGET, { ttlSeconds: 900 })
  if (!planned.ok) throw new Error(JSON.stringify(planned.problems))
  const { Statement }: Policy = JSON.parse(planned.plan.sessionPolicy)
  const known = Statement.filter(
    ({ Action }) => Action !== undefined && JSON.stringify(Action).includes('s3:'),
  ).map(({ Condition: _, ...statement }): PolicyStatement => statement)
  return { Version: '2012-10-17', Statement: known }
}

describe.skipIf(!enabled)('session policies on Ceph', () => {
  beforeAll(async () => {
    gateway = await startGateway()
    owner = new S3Client({ ...options(), forcePathStyle: true })
    sts = new STSClient(options())
    iam = new IAMClient(options())
    const trust = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: ['arn:aws:iam:::user/broker'] },
          Action: ['sts:AssumeRole'],
        },
      ],
    }
    const all = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::*' }],
    }
    const AssumeRolePolicyDocument = JSON.stringify(trust)
    await iam.send(new CreateRoleCommand({ RoleName: 'task', AssumeRolePolicyDocument }))
    await rolePolicy('all', all)
    for (const Bucket of ['own', 'other']) {
      await owner.send(new CreateBucketCommand({ Bucket }))
      for (const Key of ['orders/1', 'secret']) await put(owner, Bucket, Key)
    }
  }, 120_000)
  afterAll(async () => await gateway?.close())

  async function rolePolicy(PolicyName: string, policy: object): Promise<void> {
    const PolicyDocument = JSON.stringify(policy)
    await iam.send(new PutRolePolicyCommand({ RoleName: 'task', PolicyName, PolicyDocument }))
  }

  test('without a session policy the session is the whole role', async () => {
    const whole = await session('whole')
    expect([await get(whole, 'own', 'secret'), await put(whole, 'other', 'x')]).toEqual([200, 200])
  })

  test('a compiled policy gives what is declared and nothing else', async () => {
    const reader = await session('reader', compiled(['s3:GetObject'], [OWN]))
    expect(await get(reader, 'own', 'orders/1')).toBe(200)
    expect(await put(reader, 'own', 'orders/1')).toBe(403)
    expect(await get(reader, 'own', 'secret')).toBe(403)
    expect(await get(reader, 'other', 'orders/1')).toBe(403)
  })

  test('a bucket policy that names the session passes an allow, and not the closing deny', async () => {
    const named = (name: string) => `arn:aws:sts:::assumed-role/task/${name}`
    const bucketPolicy = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: [named('open'), named('closed')] },
          Action: 's3:GetObject',
          Resource: 'arn:aws:s3:::other/*',
        },
      ],
    }
    const Policy = JSON.stringify(bucketPolicy)
    await owner.send(new PutBucketPolicyCommand({ Bucket: 'other', Policy }))
    const policy = compiled(['s3:GetObject'], [OWN])
    const allows = policy.Statement.filter(({ Effect }) => Effect === 'Allow')

    const open = await session('open', { ...policy, Statement: allows })
    expect(await get(open, 'other', 'secret')).toBe(200)
    const closed = await session('closed', policy)
    expect(await get(closed, 'other', 'secret')).toBe(403)
    expect(await get(closed, 'own', 'orders/1')).toBe(200)
  })

  test('2,048 characters are taken, one more is not', async () => {
    const text = JSON.stringify(compiled(['s3:GetObject'], [OWN]))
    const padded = (size: number) => text.replace(/\}$/, `${' '.repeat(size - text.length)}}`)
    expect(await get(await session('long', padded(MAX_POLICY_SIZE)), 'own', 'orders/1')).toBe(200)
    await expect(session('longer', padded(MAX_POLICY_SIZE + 1))).rejects.toThrow()
  })

  test('one session is denied and the others go on', async () => {
    const policy = compiled(['s3:GetObject'], [OWN])
    const [ended, goesOn] = [await session('ended', policy), await session('goes-on', policy)]
    // This gateway does not evaluate aws:SourceIdentity, which AWS does: the user id instead.
    await rolePolicy('revoked', {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Action: 's3:*',
          Resource: 'arn:aws:s3:::*',
          Condition: { StringLike: { 'aws:userid': '*:ended' } },
        },
      ],
    })
    expect(await get(ended, 'own', 'orders/1')).toBe(403)
    expect(await get(goesOn, 'own', 'orders/1')).toBe(200)
  })
})
