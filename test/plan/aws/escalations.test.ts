import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { actionNamed } from '../../../src/plan/aws/actions.ts'
import { isRestricted } from '../../../src/plan/aws/classes.ts'
import { ESCALATIONS } from '../../../src/plan/aws/escalations.ts'
import { planAws } from '../../../src/plan/aws/plan.ts'
import type { AwsStatement } from '../../../src/scope/access-aws.ts'
import { AWS_TARGET, decideAws } from '../../support/aws-grant.ts'

const cases: Record<string, AwsStatement[]> = parse(
  readFileSync(join(import.meta.dirname, 'escalations.yaml'), 'utf8'),
)

test('the scopes walk all 65 published paths', () => {
  expect(Object.keys(cases)).toEqual(Object.keys(ESCALATIONS))
  expect(Object.keys(cases)).toHaveLength(65)
  for (const [path, access] of Object.entries(cases)) {
    const actions = access.flatMap((statement) => statement.do)
    expect([path, [...actions].sort()]).toEqual([path, [...(ESCALATIONS[path] ?? [])].sort()])
  }
})

describe('a scope that walks a published path is refused for an agent, with the path named', () => {
  test.each(Object.entries(cases))('%s', (path, access) => {
    expect(refusalOf(access)).toMatch(new RegExp(`path .*\\b${path}\\b`))
  })
})

function refusalOf(access: AwsStatement[]): string {
  const planned = planAws(access, AWS_TARGET, { ttlSeconds: 900 })
  if (!planned.ok) return planned.problems.map(({ message }) => message).join('; ')
  const decision = decideAws({ access })
  return decision.outcome === 'deny' ? decision.reasons.map((each) => each.message).join('; ') : ''
}

test('no path consists of actions that an agent may take', () => {
  const open = Object.entries(ESCALATIONS).filter(([, actions]) =>
    actions.every((id) => {
      const action = actionNamed(id)
      return action !== undefined && !isRestricted(action.class)
    }),
  )
  expect(open).toEqual([])
})
