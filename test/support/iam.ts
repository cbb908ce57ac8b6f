import {
  DeleteRolePolicyCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { mockClient } from 'aws-sdk-client-mock'
import type { Policy } from '../../src/plan/aws/policy.ts'

/** The inline policies of every role, with IAM's quota and its URL-encoded answers. */
export function mockIam(quota = 10_240) {
  const roles = new Map<string, Map<string, string>>()
  const mock = mockClient(IAMClient)
  /** `lies`: so many reads answer with something that was never written. */
  const state = { writes: 0, delayMs: 0, lies: 0 }
  const of = (role: string) => {
    const policies = roles.get(role) ?? new Map<string, string>()
    roles.set(role, policies)
    return policies
  }
  const failure = (name: string) => Object.assign(new Error(name), { name })

  mock.on(PutRolePolicyCommand).callsFake(async (input) => {
    await new Promise((resolve) => setTimeout(resolve, state.delayMs))
    state.writes += 1
    const others = [...of(input.RoleName)].filter(([name]) => name !== input.PolicyName)
    const size = others.reduce((sum, [, text]) => sum + text.length, input.PolicyDocument.length)
    if (size > quota) throw failure('LimitExceededException')
    of(input.RoleName).set(input.PolicyName, input.PolicyDocument)
    return {}
  })
  mock.on(GetRolePolicyCommand).callsFake((input) => {
    const text = of(input.RoleName).get(input.PolicyName)
    if (text === undefined) throw failure('NoSuchEntityException')
    state.lies -= 1
    return { PolicyDocument: state.lies >= 0 ? '%7B%7D' : encodeURIComponent(text) }
  })
  mock.on(ListRolePoliciesCommand).callsFake((input) => ({
    PolicyNames: [...of(input.RoleName).keys()],
    IsTruncated: false,
  }))
  mock.on(DeleteRolePolicyCommand).callsFake((input) => {
    if (!of(input.RoleName).delete(input.PolicyName)) throw failure('NoSuchEntityException')
    return {}
  })
  return {
    mock,
    state,
    texts: (role: string) => [...of(role).values()],
    names: (role: string) => [...of(role).keys()],
    policies: (role: string): Policy[] => [...of(role).values()].map((text) => JSON.parse(text)),
    restore: () => mock.restore(),
  }
}
