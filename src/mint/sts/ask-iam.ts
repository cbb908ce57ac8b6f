import type { IAMClient } from '@aws-sdk/client-iam'
import { CredctlError } from '../../errors.ts'
import type { AwsPlan } from '../../plan/aws/plan.ts'
import type { Question, Simulation } from '../../plan/aws/simulate.ts'

/** What IAM's own simulator says, and whether our evaluator says the same. */
export interface Comparison {
  readonly iam: 'allowed' | 'denied' | 'unknown'
  /** Condition keys that IAM missed. */
  readonly missing: readonly string[]
  readonly agrees: boolean
}

const ALLOW_ALL = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
})

/**
 * Asks `SimulateCustomPolicy`, which takes no session policy: a permissions boundary limits in the
 * same way, so the session policy goes there, under an identity policy that allows everything.
 * Costs nothing; IAM throttles it, so it is for people and never on the way to a credential.
 */
export async function askIam(
  iam: IAMClient,
  plan: AwsPlan,
  question: Question,
  ours: Simulation,
): Promise<Comparison> {
  const { SimulateCustomPolicyCommand } = await import('@aws-sdk/client-iam')
  const context = { 'aws:RequestedRegion': plan.region, ...question.context }
  const command = new SimulateCustomPolicyCommand({
    PolicyInputList: [ALLOW_ALL],
    PermissionsBoundaryPolicyInputList: [plan.sessionPolicy],
    ActionNames: [question.action],
    ...(question.resource === '*' ? {} : { ResourceArns: [question.resource] }),
    ContextEntries: Object.entries(context).map(([ContextKeyName, value]) => ({
      ContextKeyName,
      ContextKeyType: typeof value === 'string' ? ('string' as const) : ('stringList' as const),
      ContextKeyValues: typeof value === 'string' ? [value] : [...value],
    })),
  })
  const answer = await iam.send(command).catch((cause: unknown) => {
    throw new CredctlError('target_unavailable', 'IAM did not simulate the policy', {
      hint: 'the credentials need iam:SimulateCustomPolicy',
      cause,
    })
  })
  const result = answer.EvaluationResults?.[0]
  const missing = result?.MissingContextValues ?? []
  const allowed = result?.EvalDecision === 'allowed'
  const iamSays = missing.length > 0 ? 'unknown' : allowed ? 'allowed' : 'denied'
  // "Unknown" claims nothing, so it contradicts nothing.
  const agrees = iamSays === ours.answer || [iamSays, ours.answer].includes('unknown')
  return { iam: iamSays, missing, agrees }
}
