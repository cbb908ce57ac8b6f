import { describe, expect, test } from 'vitest'
import { ALWAYS } from '../../../src/environment/schedule.ts'
import { MAX_POLICY_SIZE } from '../../../src/plan/aws/policy.ts'
import { planScope } from '../../../src/plan/plan.ts'
import { loadCatalog } from '../../../src/scope/catalog.ts'
import { AWS_TARGET } from '../../support/aws-grant.ts'

const loaded = await loadCatalog('examples/aws/task-scopes')
const scopes = loaded.ok ? [...loaded.catalog.scopes.values()].map(({ scope }) => scope) : []
const PARAMETERS: Record<string, string> = { ticket: 'ORD-17', customer: 'C12345678' }

describe('the example scopes', () => {
  test('load, and are at least ten', () => {
    expect(loaded.ok ? [] : loaded.diagnostics).toEqual([])
    expect(scopes.length).toBeGreaterThanOrEqual(10)
  })

  test.each(scopes)('$name compiles, and only ci takes what is above the presets', (scope) => {
    const environment = {
      name: scope.environments[0] ?? '',
      class: 'nonprod' as const,
      targets: { workload: { kind: 'aws' as const, ...AWS_TARGET } },
      schedule: ALWAYS,
    }
    const names = Object.keys(scope.parameters)
    const parameters = Object.fromEntries(names.map((name) => [name, PARAMETERS[name] ?? '']))
    const planned = planScope(scope, environment, parameters)
    const plan = planned.ok ? planned.plan.targets['workload'] : planned.problems
    expect(plan).toMatchObject({ kind: 'aws' })
    if (plan === undefined || !('kind' in plan) || plan.kind !== 'aws') return
    expect(plan.policySize).toBeLessThanOrEqual(MAX_POLICY_SIZE)
    const callers = scope.allow.map((rule) => rule.caller)
    if (plan.restricted.length > 0) expect(callers).toEqual(['ci'])
  })
})
