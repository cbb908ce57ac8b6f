import { expect, test } from 'vitest'
import { planAws } from '../../../src/plan/aws/plan.ts'
import { simulateAws } from '../../../src/plan/aws/simulate.ts'
import type { AwsStatement } from '../../../src/scope/access-aws.ts'
import { AWS_TARGET } from '../../support/aws-grant.ts'

function planOf(access: AwsStatement[]) {
  const planned = planAws(access, AWS_TARGET, { ttlSeconds: 900 })
  if (!planned.ok) throw new Error(JSON.stringify(planned.problems))
  return planned.plan
}

const plan = planOf([
  { do: ['s3:GetObject'], on: ['arn:aws:s3:::exports/orders/*'] },
  { do: ['s3:PutObject'], on: ['arn:aws:s3:::exports/new/*'], create_only: true },
])

test('what is declared is allowed, by the statement that says so', () => {
  const answer = simulateAws(plan, {
    action: 's3:GetObject',
    resource: 'arn:aws:s3:::exports/orders/7.csv',
  })
  expect(answer).toMatchObject({ answer: 'allowed', class: 'data_read', by: { kind: 'session' } })
  expect(answer.by?.statement.Action).toBe('s3:GetObject')
})

test.each([
  ['s3:DeleteObject', 'arn:aws:s3:::exports/orders/7.csv', 'data_delete'],
  ['s3:GetObject', 'arn:aws:s3:::exports/secret.csv', 'data_read'],
  ['iam:PassRole', 'arn:aws:iam::111122223333:role/x', 'privesc'],
])('%s on %s is denied by a statement of the policy', (action, resource, actionClass) => {
  const answer = simulateAws(plan, { action, resource })
  expect(answer).toMatchObject({ answer: 'denied', class: actionClass, by: { kind: 'session' } })
  expect(answer.by?.statement.Effect).toBe('Deny')
})

test('what depends on the request is unknown until the request is known', () => {
  const question = { action: 's3:PutObject', resource: 'arn:aws:s3:::exports/new/1.csv' }
  expect(simulateAws(plan, question).answer).toBe('unknown')
  const creating = { 's3:if-none-match': '*', 's3:ObjectCreationOperation': 'true' }
  expect(simulateAws(plan, { ...question, context: creating }).answer).toBe('allowed')
  const blind = { 's3:if-none-match': [], 's3:ObjectCreationOperation': 'true' }
  expect(simulateAws(plan, { ...question, context: blind }).answer).toBe('denied')
})

test('an action nobody classified is denied, with the nearest one that is', () => {
  expect(
    simulateAws(plan, { action: 's3:GetObjekt', resource: 'arn:aws:s3:::exports/orders/1' }),
  ).toMatchObject({ answer: 'denied', nearest: 's3:GetObject' })
})
