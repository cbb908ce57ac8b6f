import { describe, expect, it } from 'vitest'
import { ACCEPTABLE_FINDINGS, postgresTarget } from '../../../src/environment/target-postgres.ts'
import { CHECKS } from '../../../src/mint/postgres/checks/catalogue.ts'
import { blocking, type Finding, judge } from '../../../src/mint/postgres/finding.ts'

const TARGET = {
  host: 'db.example.com',
  database: 'shop',
  admin: { user: 'credctl_broker', password: 'env:DB_PASSWORD' },
}
const reason = 'public reference data'

function accepting(entry: object): boolean {
  return postgresTarget.safeParse({ ...TARGET, accept: [{ reason, ...entry }] }).success
}

describe('accepting a finding', () => {
  it.for(ACCEPTABLE_FINDINGS)('is possible for %s', (finding) => {
    expect(accepting({ finding })).toBe(true)
    expect(CHECKS.map((check) => check.finding)).toContain(finding)
  })

  it.for(
    CHECKS.map(({ finding }) => finding).filter(
      (name) => !ACCEPTABLE_FINDINGS.some((each) => each === name),
    ),
  )('is not possible for %s, which would let a credential be more than its plan', (finding) => {
    expect(accepting({ finding })).toBe(false)
  })

  it('needs a reason, and an object when one is given', () => {
    const finding = 'privilege_beyond_plan'
    expect(accepting({ finding, reason: 'ok' })).toBe(false)
    expect(accepting({ finding, reason: undefined })).toBe(false)
    expect(accepting({ finding, object: '' })).toBe(false)
    expect(accepting({ finding, until: '2030-01-01' })).toBe(false)
  })

  it('changes that finding of that object only', () => {
    const found = (object: string): Finding => ({
      finding: 'privilege_beyond_plan',
      object,
      message: '',
      status: 'blocks',
    })
    const all = [
      found('public.a'),
      found('public.b'),
      { ...found('public.a'), finding: 'definer_function' as const },
    ]
    const judged = judge(all, [{ finding: 'privilege_beyond_plan', object: 'public.a', reason }])
    expect(judged[0]).toMatchObject({ status: 'accepted', reason })
    expect(blocking(judged)).toEqual(all.slice(1))
    expect(blocking(judge(all, [{ finding: 'privilege_beyond_plan', reason }]))).toEqual(
      all.slice(2),
    )
  })
})

describe("the admin's name", () => {
  it.for([
    ['a'.repeat(56), true],
    ['a'.repeat(57), false],
    ['é'.repeat(29), false],
    ['', false],
  ] as const)('%s: %s', ([user, accepted]) => {
    const admin = { user, password: 'env:DB_PASSWORD' }
    expect(postgresTarget.safeParse({ ...TARGET, admin }).success).toBe(accepted)
  })
})
