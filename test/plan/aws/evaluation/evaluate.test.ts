import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { evaluatePolicies } from '../../../../src/plan/aws/evaluation/evaluate.ts'
import { RequestContext } from '../../../../src/plan/aws/evaluation/request.ts'
import type { Policy, PolicyStatement } from '../../../../src/plan/aws/policy.ts'

const statements = z.array(z.custom<PolicyStatement>((value) => typeof value === 'object'))
const cases = z
  .array(
    z.strictObject({
      name: z.string(),
      action: z.string().default('s3:GetObject'),
      resource: z.string().default('arn:aws:s3:::b/k'),
      resourceAccount: z.string().optional(),
      context: z.record(z.string(), z.union([z.string(), z.array(z.string())])).default({}),
      partial: z.boolean().default(false),
      identity: statements.default([{ Effect: 'Allow', Action: '*', Resource: '*' }]),
      session: statements.optional(),
      boundary: statements.optional(),
      resourcePolicy: statements.optional(),
      organization: z.array(statements).optional(),
      answer: z.enum(['allowed', 'denied', 'unknown']),
    }),
  )
  .parse(parse(readFileSync(join(import.meta.dirname, 'cases.yaml'), 'utf8')))

const policyOf = (Statement: PolicyStatement[]): Policy => ({ Version: '2012-10-17', Statement })
const given = <K extends string>(key: K, list: PolicyStatement[] | undefined) =>
  list === undefined ? {} : { [key]: [policyOf(list)] }

test.each(cases)('$name', (each) => {
  const verdict = evaluatePolicies(
    {
      action: each.action,
      resource: each.resource,
      principal: {
        account: '111122223333',
        role: 'arn:aws:iam::111122223333:role/task',
        session: 'arn:aws:sts::111122223333:assumed-role/task/s-1',
      },
      ...(each.resourceAccount === undefined ? {} : { resourceAccount: each.resourceAccount }),
      context: new RequestContext(each.context, { complete: !each.partial }),
    },
    {
      identity: [policyOf(each.identity)],
      ...given('session', each.session),
      ...given('boundary', each.boundary),
      ...given('resource', each.resourcePolicy),
      ...(each.organization === undefined
        ? {}
        : { organization: each.organization.map((level) => [policyOf(level)]) }),
    },
  )
  expect(verdict.answer, verdict.why).toBe(each.answer)
})

test('a verdict names the statement that decided', () => {
  const deny: PolicyStatement = { Effect: 'Deny', Action: 's3:*', Resource: '*' }
  const verdict = evaluatePolicies(
    {
      action: 's3:GetObject',
      resource: 'arn:aws:s3:::b/k',
      principal: { account: '1', role: 'r', session: 's' },
      context: new RequestContext({}, { complete: true }),
    },
    { identity: [], session: [policyOf([deny])] },
  )
  expect(verdict).toEqual({
    answer: 'denied',
    why: 'session policy denies it',
    by: { kind: 'session', statement: deny },
  })
})
