import { GetRoleCommand, IAMClient } from '@aws-sdk/client-iam'
import { AssumeRoleCommand, type AssumeRoleCommandInput, STSClient } from '@aws-sdk/client-sts'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, test } from 'vitest'
import { targetTrust } from '../../../infra/policies.ts'
import { preflightAws } from '../../../src/mint/sts/preflight.ts'
import { evaluatePolicies } from '../../../src/plan/aws/evaluation/evaluate.ts'
import { RequestContext } from '../../../src/plan/aws/evaluation/request.ts'
import type { Policy } from '../../../src/plan/aws/policy.ts'
import { AWS_TARGET } from '../../support/aws-grant.ts'

const TARGET = { ...AWS_TARGET, external_id: 'acme-credctl' }
const BROKER = 'arn:aws:iam::444455556666:role/credctl/broker'
const sts = mockClient(STSClient)
const iam = mockClient(IAMClient)
beforeEach(() => {
  sts.reset()
  iam.reset()
})

const denied = (action: string) =>
  Object.assign(new Error(`User: x is not authorized to perform: ${action} on resource: y`), {
    name: 'AccessDenied',
  })

/** A role with this trust policy, evaluated as AWS would. */
function trusting(trust: Policy, longest = 3600) {
  sts.on(AssumeRoleCommand).callsFake((input: AssumeRoleCommandInput) => {
    const tags = Object.fromEntries(
      (input.Tags ?? []).map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value ?? '']),
    )
    const context = {
      ...tags,
      'aws:TagKeys': (input.Tags ?? []).map(({ Key }) => Key ?? ''),
      'sts:RoleSessionName': input.RoleSessionName ?? '',
      'sts:SourceIdentity': input.SourceIdentity ?? '',
      'sts:ExternalId': input.ExternalId ?? '',
    }
    for (const action of ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity']) {
      const { answer } = evaluatePolicies(
        {
          action,
          resource: '*',
          resourceAccount: TARGET.account,
          principal: { account: '444455556666', role: BROKER, session: 's' },
          context: new RequestContext(context, { complete: true }),
        },
        {
          identity: [
            { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
          ],
          resource: [
            { ...trust, Statement: trust.Statement.map((each) => ({ ...each, Resource: '*' })) },
          ],
        },
      )
      if (answer !== 'allowed') throw denied(action)
    }
    if ((input.DurationSeconds ?? 0) > longest)
      throw Object.assign(new Error('DurationSeconds'), { name: 'ValidationError' })
    return {}
  })
}

function deployed(accountClass: 'prod' | 'nonprod'): Policy {
  return targetTrust(BROKER, {
    name: 'x',
    role: 'task',
    account: TARGET.account,
    region: TARGET.region,
    class: accountClass,
    environments: ['shop'],
    externalId: 'acme-credctl',
    ceiling: ['arn:aws:iam::aws:policy/PowerUserAccess'],
    alarmsTo: 'security@example.com',
  })
}

async function open(environmentClass: 'prod' | 'nonprod', withIam = false) {
  const findings = await preflightAws(TARGET, {
    sts: new STSClient({ region: 'eu-central-1' }),
    ...(withIam ? { iam: new IAMClient({ region: 'eu-central-1' }) } : {}),
    environment: { name: 'shop', class: environmentClass },
  })
  return findings.filter(({ status }) => status !== 'ok')
}

describe('doctor of an AWS target', () => {
  test.each(['prod', 'nonprod'] as const)(
    'finds nothing wrong with what infra deploys (%s)',
    async (own) => {
      trusting(deployed(own))
      expect(await open(own)).toEqual([])
    },
  )

  test('makes only sessions that can do nothing', async () => {
    trusting(deployed('prod'))
    await open('prod')
    const policies = sts.commandCalls(AssumeRoleCommand).map((call) => call.args[0].input.Policy)
    expect(new Set(policies).size).toBe(1)
    expect(JSON.parse(policies[0] ?? '').Statement).toEqual([
      { Effect: 'Deny', Action: '*', Resource: '*' },
    ])
  })

  test('finds a prod role that lets agents and laptops in', async () => {
    trusting(deployed('nonprod'))
    expect((await open('prod')).map(({ finding, status }) => [finding, status])).toEqual([
      ['prod_agent', 'blocks'],
      ['prod_local', 'blocks'],
    ])
  })

  test.each(['sts:TagSession', 'sts:SetSourceIdentity'])('names a missing %s', async (action) => {
    const trust = deployed('nonprod')
    const Statement = trust.Statement.filter((each) => each.Action !== action)
    trusting({ ...trust, Statement })
    expect(await open('nonprod')).toEqual([
      {
        finding: 'trust',
        status: 'blocks',
        message: `the broker may not ${action} on the role`,
        fix: expect.stringContaining('infra/'),
      },
    ])
  })

  test('finds a trust policy that asks for no names', async () => {
    const Statement = deployed('nonprod').Statement.map(({ Condition: _, ...each }) => each)
    trusting({ Version: '2012-10-17', Statement })
    expect((await open('nonprod')).map(({ finding }) => finding)).toEqual(['names'])
  })

  test('finds sessions that are too short', async () => {
    trusting(deployed('nonprod'), 1800)
    expect((await open('nonprod')).map(({ finding }) => finding)).toEqual(['duration'])
  })

  test('finds a role without a boundary, and one of another account', async () => {
    trusting(deployed('nonprod'))
    const role = { Path: '/', RoleName: 'task', RoleId: 'AROA', CreateDate: new Date(0) }
    iam
      .on(GetRoleCommand)
      .resolves({ Role: { ...role, Arn: 'arn:aws:iam::999922223333:role/task' } })
    expect((await open('nonprod', true)).map(({ finding }) => finding)).toEqual([
      'boundary',
      'account',
    ])
  })

  test('says when STS cannot be asked', async () => {
    sts
      .on(AssumeRoleCommand)
      .rejects(Object.assign(new Error('x'), { name: 'CredentialsProviderError' }))
    expect(await open('nonprod')).toMatchObject([{ finding: 'trust', status: 'blocks' }])
  })
})
