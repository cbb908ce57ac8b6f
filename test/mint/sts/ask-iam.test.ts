import { IAMClient, SimulateCustomPolicyCommand } from '@aws-sdk/client-iam'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, expect, test } from 'vitest'
import { askIam } from '../../../src/mint/sts/ask-iam.ts'
import { simulateAws } from '../../../src/plan/aws/simulate.ts'
import { awsGrant } from '../../support/aws-grant.ts'

const iam = mockClient(IAMClient)
beforeEach(() => iam.reset())

const planned = awsGrant().plan.targets['exports']
if (planned?.kind !== 'aws') throw new Error('no AWS plan')
const plan = planned
const question = { action: 's3:DeleteObject', resource: 'arn:aws:s3:::acme-exports/orders/1' }

async function ask(decision: 'allowed' | 'explicitDeny' | 'implicitDeny', missing: string[] = []) {
  iam.on(SimulateCustomPolicyCommand).resolves({
    EvaluationResults: [
      { EvalActionName: question.action, EvalDecision: decision, MissingContextValues: missing },
    ],
  })
  const client = new IAMClient({ region: 'eu-central-1' })
  return await askIam(client, plan, question, simulateAws(plan, question))
}

test('the session policy goes where IAM limits in the same way: the boundary', async () => {
  expect(await ask('explicitDeny')).toEqual({ iam: 'denied', missing: [], agrees: true })
  const [call] = iam.commandCalls(SimulateCustomPolicyCommand)
  expect(call?.args[0].input).toMatchObject({
    PermissionsBoundaryPolicyInputList: [plan.sessionPolicy],
    ActionNames: ['s3:DeleteObject'],
    ResourceArns: [question.resource],
  })
})

test('a disagreement is told', async () => {
  expect(await ask('allowed')).toMatchObject({ iam: 'allowed', agrees: false })
})

test('an answer that lacks a condition key claims nothing', async () => {
  expect(await ask('implicitDeny', ['aws:SourceVpc'])).toEqual({
    iam: 'unknown',
    missing: ['aws:SourceVpc'],
    agrees: true,
  })
})

test('credentials that may not ask are an error with a hint', async () => {
  iam.on(SimulateCustomPolicyCommand).rejects(new Error('AccessDenied'))
  const client = new IAMClient({ region: 'eu-central-1' })
  await expect(askIam(client, plan, question, simulateAws(plan, question))).rejects.toMatchObject({
    code: 'target_unavailable',
    hint: expect.stringContaining('iam:'),
  })
})
