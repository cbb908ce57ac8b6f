import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { planAws } from '../../../src/plan/aws/plan.ts'
import { MAX_POLICY_SIZE, policyUntil } from '../../../src/plan/aws/policy.ts'
import type { AwsStatement } from '../../../src/scope/access-aws.ts'
import { AWS_TARGET } from '../../support/aws-grant.ts'

const cases = z
  .array(
    z.strictObject({
      name: z.string(),
      access: z.custom<AwsStatement[]>(Array.isArray),
      at: z.array(z.union([z.string(), z.number()])),
      says: z.string(),
      expected: z.string().optional(),
    }),
  )
  .parse(parse(readFileSync(join(import.meta.dirname, 'refused.yaml'), 'utf8')))

describe('refused with its place and what would be accepted', () => {
  test.each(cases)('$name', ({ access, at, says, expected }) => {
    const planned = planAws(access, AWS_TARGET, { ttlSeconds: 900 })
    const problems = planned.ok ? [] : planned.problems
    expect(problems).toContainEqual({
      code: 'access_refused',
      path: at,
      message: expect.stringContaining(says),
      expected: expect.stringContaining(expected ?? ''),
    })
  })
})

function planOf(access: AwsStatement[]) {
  const planned = planAws(access, AWS_TARGET, { ttlSeconds: 900 })
  if (!planned.ok) throw new Error(JSON.stringify(planned.problems))
  return planned.plan
}

const EXPORTS: AwsStatement = {
  do: ['s3:GetObject', 's3:PutObject'],
  on: ['arn:aws:s3:::acme-exports/orders/*'],
}

test('two hundred resources are too many for one policy, and each statement shows its cost', () => {
  const access = [1, 2, 3, 4].map(
    (part): AwsStatement => ({
      do: ['sqs:SendMessage'],
      on: Array.from({ length: 50 }, (_, index) => `arn:aws:sqs:*:*:queue-${part}-${index}`),
    }),
  )
  const planned = planAws(access, AWS_TARGET, { ttlSeconds: 900 })
  const message = planned.ok ? '' : (planned.problems[0]?.message ?? '')
  expect(message).toMatch(/statement 1: [0-9]+, statement 2: [0-9]+, .* expiry: 127/)
})

describe('a compiled policy', () => {
  test('allows what is declared and denies every other action and every other resource', () => {
    expect(JSON.parse(planOf([EXPORTS]).sessionPolicy).Statement).toEqual([
      {
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:PutObject'],
        Resource: 'arn:aws:s3:::acme-exports/orders/*',
        Condition: { StringEquals: { 's3:ResourceAccount': '111122223333' } },
      },
      { Effect: 'Deny', NotAction: ['s3:GetObject', 's3:PutObject'], Resource: '*' },
      { Effect: 'Deny', Action: ['iam:*', 'sts:*'], Resource: '*' },
      { Effect: 'Deny', Action: 's3:*', NotResource: 'arn:aws:s3:::acme-exports/orders/*' },
    ])
  })

  test('keeps actions on their own resources, also within one service', () => {
    const { Statement } = JSON.parse(
      planOf([
        { do: ['s3:GetObject'], on: ['arn:aws:s3:::in/*'] },
        { do: ['s3:PutObject'], on: ['arn:aws:s3:::out/*'] },
      ]).sessionPolicy,
    )
    expect(Statement.slice(-2)).toEqual([
      { Effect: 'Deny', Action: 's3:G*', NotResource: 'arn:aws:s3:::in/*' },
      { Effect: 'Deny', Action: 's3:P*', NotResource: 'arn:aws:s3:::out/*' },
    ])
  })

  test('pins the region of actions without a resource, except where the service is global', () => {
    const { Statement } = JSON.parse(
      planOf([{ do: ['ce:GetCostAndUsage', 'cloudwatch:GetMetricData'], on: ['*'] }]).sessionPolicy,
    )
    expect(Statement.slice(0, 2)).toEqual([
      { Effect: 'Allow', Action: 'ce:GetCostAndUsage', Resource: '*' },
      {
        Effect: 'Allow',
        Action: 'cloudwatch:GetMetricData',
        Resource: '*',
        Condition: { StringEquals: { 'aws:RequestedRegion': 'eu-central-1' } },
      },
    ])
  })

  test('fills the account and region of the target into ARNs that leave them open', () => {
    const { sessionPolicy } = planOf([
      { do: ['dynamodb:GetItem'], on: ['arn:aws:dynamodb:*:*:table/rates'] },
    ])
    expect(sessionPolicy).toContain('arn:aws:dynamodb:eu-central-1:111122223333:table/rates')
    expect(sessionPolicy).not.toContain(':*:*:')
  })

  test('is spelled out when it fits and uses wildcards only when it would not', () => {
    const table: AwsStatement = { do: 'read', on: ['arn:aws:dynamodb:*:*:table/t'] }
    expect(planOf([table]).sessionPolicy).not.toMatch(/dynamodb:\w+\*/)
    const bucket: AwsStatement = { do: 'dml', on: ['arn:aws:s3:::b', 'arn:aws:s3:::b/*'] }
    const { sessionPolicy, policySize } = planOf([bucket])
    expect(sessionPolicy).toContain('s3:GetObject*')
    expect(sessionPolicy).not.toContain('"s3:Get*"') // would match s3:GetDataAccess
    expect(policySize).toBeLessThanOrEqual(MAX_POLICY_SIZE)
  })

  test('has room for the expiry, whose time changes neither plan nor size', () => {
    const { sessionPolicy, policySize } = planOf([EXPORTS])
    const ends = [new Date('2026-11-20T12:00:00Z'), new Date('2027-01-01T00:00:00.999Z')]
    for (const end of ends) expect(policyUntil(sessionPolicy, end)).toHaveLength(policySize)
    expect(() => JSON.parse(policyUntil(sessionPolicy, ends[0] ?? new Date()))).not.toThrow()
  })
})

describe('conditions that tighten', () => {
  test('an object that is only created is never overwritten, whoever allows it', () => {
    const { sessionPolicy } = planOf([
      { do: ['s3:PutObject'], on: ['arn:aws:s3:::b/new/*'], create_only: true },
    ])
    expect(JSON.parse(sessionPolicy).Statement.at(-1)).toEqual({
      Effect: 'Deny',
      Action: 's3:PutObject',
      Resource: 'arn:aws:s3:::b/new/*',
      Condition: {
        Null: { 's3:if-none-match': 'true' },
        Bool: { 's3:ObjectCreationOperation': 'true' },
      },
    })
  })

  test('items are those of the named partition keys, and never all of them', () => {
    const { sessionPolicy } = planOf([
      {
        do: ['dynamodb:Query', 'dynamodb:UpdateItem'],
        on: ['arn:aws:dynamodb:*:*:table/t'],
        leading_keys: ['customer-7'],
      },
    ])
    const conditions = JSON.parse(sessionPolicy)
      .Statement.slice(-2)
      .map((each: { Condition: object }) => each.Condition)
    expect(conditions).toEqual([
      { 'ForAnyValue:StringNotEquals': { 'dynamodb:LeadingKeys': 'customer-7' } },
      { Null: { 'dynamodb:LeadingKeys': 'true' } },
    ])
  })

  test('a key that only serves S3 gives an agent nothing to decrypt itself', () => {
    const key: AwsStatement = { do: ['kms:Decrypt'], on: ['arn:aws:kms:*:*:key/1'], via: 's3' }
    const plan = planOf([EXPORTS, key])
    expect(plan.restricted).toEqual([])
    expect(plan.actionsBy).toEqual({ data_read: 2, data_write: 1 })
    expect(JSON.parse(plan.sessionPolicy).Statement.at(-1)).toEqual({
      Effect: 'Deny',
      Action: 'kms:Decrypt',
      Resource: 'arn:aws:kms:eu-central-1:111122223333:key/1',
      Condition: { StringNotEquals: { 'kms:ViaService': 's3.eu-central-1.amazonaws.com' } },
    })
    const { via: _, ...open } = key
    expect(planOf([{ ...open, reason: 'reads one secret' }]).restricted).toEqual(['kms:Decrypt'])
  })
})

describe('what a plan counts', () => {
  test('resources by name and by wildcard, actions by class', () => {
    const plan = planOf([
      EXPORTS,
      { do: ['dynamodb:GetItem', 'dynamodb:DeleteItem'], on: ['arn:aws:dynamodb:*:*:table/t'] },
    ])
    expect(plan.resources).toEqual({ named: 1, wildcard: 1 })
    expect(plan.actionsBy).toEqual({ data_delete: 1, data_read: 2, data_write: 1 })
    expect(plan.restricted).toEqual([])
  })

  test('what only ci and human may take', () => {
    const plan = planOf([
      EXPORTS,
      {
        do: ['ecs:UpdateService'],
        on: ['arn:aws:ecs:*:*:service/web/web'],
        reason: 'rolls the service to a new image',
      },
      { do: ['cloudwatch:PutMetricData'], on: ['*'], reason: 'counts deployments' },
    ])
    expect(plan.restricted).toEqual(['cloudwatch:PutMetricData', 'ecs:UpdateService'])
  })
})
