import { readFileSync } from 'node:fs'
import { App } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { describe, expect, test } from 'vitest'
import {
  boundary,
  guard,
  organizationPolicy,
  revokerPolicy,
  targetTrust,
} from '../../infra/policies.ts'
import { parseSettings, type TargetSettings } from '../../infra/settings.ts'
import { addStacks } from '../../infra/stacks.ts'
import { evaluatePolicies } from '../../src/plan/aws/evaluation/evaluate.ts'
import { RequestContext } from '../../src/plan/aws/evaluation/request.ts'
import type { Policy } from '../../src/plan/aws/policy.ts'

const context: unknown = JSON.parse(readFileSync('infra/cdk.json', 'utf8')).context.credctl
const settings = parseSettings(context)
const BROKER = 'arn:aws:iam::444455556666:role/credctl/broker'
const EVERYTHING: Policy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
}

function targetOf(name: string): TargetSettings {
  const target = settings.targets.find((each) => each.name === name)
  if (target === undefined) throw new Error(`no target ${name}`)
  return target
}

describe('the trust of a target role', () => {
  const asked = {
    'sts:RoleSessionName': 'credctl-01JD0000000000000000000000-01JD0000000000000000000009',
    'sts:SourceIdentity': 'credctl-01JD0000000000000000000000',
    'aws:TagKeys': ['credctl:class', 'credctl:environment', 'credctl:grant'],
  }

  /** AWS needs all three actions for a tagged session with a source identity. */
  function lets(target: TargetSettings, changed: Record<string, string | string[]>, who = BROKER) {
    const keys = {
      ...asked,
      'sts:ExternalId': target.externalId,
      'aws:RequestTag/credctl:environment': target.environments[0] ?? '',
      ...changed,
    }
    const answers = ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'].map(
      (action) =>
        evaluatePolicies(
          {
            action,
            resource: `arn:aws:iam::${target.account}:role/credctl/task`,
            resourceAccount: target.account,
            principal: { account: '444455556666', role: who, session: 'arn:aws:sts::s' },
            context: new RequestContext(keys, { complete: true }),
          },
          // The resource of a trust policy is the role itself.
          { identity: [EVERYTHING], resource: [onRole(targetTrust(BROKER, target))] },
        ).answer,
    )
    return answers.every((answer) => answer === 'allowed')
  }

  const classes = ['agent', 'local', 'workload', 'ci', 'human']
  test.each(classes)('in a nonprod account lets %s in', (name) => {
    expect(lets(targetOf('staging'), { 'aws:RequestTag/credctl:class': name })).toBe(true)
  })

  test.each([
    ['agent', false],
    ['local', false],
    ['workload', true],
    ['ci', true],
    ['human', true],
  ])('in a prod account answers %s with %s', (name, answer) => {
    expect(lets(targetOf('production'), { 'aws:RequestTag/credctl:class': name })).toBe(answer)
  })

  test.each<[string, Record<string, string | string[]>]>([
    ['without a class', {}],
    ['of an environment of another account', { 'aws:RequestTag/credctl:environment': 'prod' }],
    ['without our source identity', { 'sts:SourceIdentity': 'someone' }],
    ['under a name that is not ours', { 'sts:RoleSessionName': 'someone' }],
    ['without the external id', { 'sts:ExternalId': 'guess' }],
    ['with a tag that is not ours', { 'aws:TagKeys': ['credctl:class', 'admin'] }],
  ])('lets no session in %s', (name, changed) => {
    const ci = name === 'without a class' ? {} : { 'aws:RequestTag/credctl:class': 'ci' }
    expect(lets(targetOf('staging'), { ...ci, ...changed })).toBe(false)
  })

  test('lets nobody in but the broker', () => {
    const ci = { 'aws:RequestTag/credctl:class': 'ci' }
    expect(lets(targetOf('staging'), ci, 'arn:aws:iam::444455556666:role/other')).toBe(false)
  })
})

function onRole(trust: Policy): Policy {
  return { ...trust, Statement: trust.Statement.map((each) => ({ ...each, Resource: '*' })) }
}

describe('what holds when a session has no session policy', () => {
  function may(action: string, changed: Record<string, string> = {}) {
    const keys = {
      'aws:SourceIdentity': 'credctl-1',
      'aws:SecureTransport': 'true',
      'aws:ViaAWSService': 'false',
      ...changed,
    }
    return evaluatePolicies(
      {
        action,
        resource: 'arn:aws:s3:::b/k',
        principal: { account: '1', role: 'r', session: 's' },
        context: new RequestContext(keys, { complete: true }),
      },
      { identity: [EVERYTHING, guard()], boundary: [boundary()] },
    ).answer
  }

  test('sessions of the broker work', () => expect(may('s3:GetObject')).toBe('allowed'))

  test.each(['iam:CreateUser', 'iam:PutRolePolicy', 'sts:AssumeRole', 'cloudtrail:StopLogging'])(
    'none of them may %s',
    (action) => expect(may(action)).toBe('denied'),
  )

  test('a session that the broker did not make may nothing', () => {
    expect(may('s3:GetObject', { 'aws:SourceIdentity': 'someone' })).toBe('denied')
  })

  test('nothing goes over an open connection', () => {
    expect(may('s3:GetObject', { 'aws:SecureTransport': 'false' })).toBe('denied')
  })

  test('the revoker writes denies of the task role, never its own', () => {
    const [statement] = revokerPolicy('arn:aws:iam::1:role/credctl/task').Statement
    expect(statement?.Resource).toBe('arn:aws:iam::1:role/credctl/task')
  })

  test('the organisation keeps everyone else away from the roles of credctl', () => {
    const scp = organizationPolicy('arn:*:iam::*:role/cdk-*')
    const edit = (by: string) =>
      evaluatePolicies(
        {
          action: 'iam:PutRolePolicy',
          resource: 'arn:aws:iam::111122223333:role/credctl/task',
          principal: { account: '1', role: by, session: 's' },
          context: new RequestContext({ 'aws:PrincipalArn': by }, { complete: true }),
        },
        { identity: [EVERYTHING], organization: [[EVERYTHING, scp]] },
      ).answer
    expect(edit('arn:aws:iam::111122223333:role/admin')).toBe('denied')
    expect(edit('arn:aws:iam::111122223333:role/cdk-exec')).toBe('allowed')
    expect(edit('arn:aws:iam::111122223333:role/credctl/task-revoker')).toBe('allowed')
  })
})

describe('the stacks', () => {
  const app = new App()
  const { brokerStack, targets, organization } = addStacks(app, context)
  const production = Template.fromStack(targets[1] ?? brokerStack)

  test('carry the policies that are tested above', () => {
    production.hasResourceProperties('AWS::IAM::Role', {
      RoleName: 'task',
      Path: '/credctl/',
      AssumeRolePolicyDocument: targetTrust(BROKER, targetOf('production')),
      MaxSessionDuration: 3600,
      PermissionsBoundary: { Ref: Match.anyValue() },
    })
    production.hasResourceProperties('AWS::IAM::ManagedPolicy', { PolicyDocument: guard() })
    Template.fromStack(organization).hasResourceProperties('AWS::Organizations::Policy', {
      Type: 'SERVICE_CONTROL_POLICY',
    })
  })

  test('alarm when the task role is assumed without the broker', () => {
    production.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.sts'],
        detail: {
          eventName: ['AssumeRole'],
          requestParameters: { $or: Match.arrayWith([{ sourceIdentity: [{ exists: false }] }]) },
        },
      },
    })
  })

  test('let one protected environment of one repository deploy', () => {
    Template.fromStack(brokerStack).hasResourceProperties('AWS::IAM::Role', {
      RoleName: 'deploy',
      AssumeRolePolicyDocument: Match.objectLike({
        Statement: [
          Match.objectLike({
            Condition: {
              StringEquals: Match.objectLike({
                'token.actions.githubusercontent.com:repository_id': '81234599',
                'token.actions.githubusercontent.com:environment': 'production',
              }),
            },
          }),
        ],
      }),
    })
  })

  test('pass cdk-nag, which fails the synthesis otherwise', () => {
    expect(() => app.synth()).not.toThrow()
  })
})

describe('settings', () => {
  test('an account is prod or nonprod, never both', () => {
    const [first, second] = settings.targets
    const mixed = { ...settings, targets: [first, { ...second, account: first?.account }] }
    expect(() => parseSettings(mixed)).toThrow(/is both nonprod and prod/)
  })

  test('the broker has an account of its own', () => {
    const [first] = settings.targets
    const shared = { ...settings, broker: { ...settings.broker, account: first?.account } }
    expect(() => parseSettings(shared)).toThrow(/is the broker's own/)
  })
})
