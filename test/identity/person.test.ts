import { describe, expect, test } from 'vitest'
import { isNameless, personOf } from '../../src/identity/approver-group.ts'

const NAMES = { people: 'email' }
const of = (email: unknown) => ({ issuer: 'people', claims: { email } as Record<string, string> })

describe('the name that a person goes by everywhere', () => {
  test('is the claim that the operator said, in one spelling', () => {
    expect(personOf(of('Ann@Example.com'), NAMES)).toBe('ann@example.com')
    expect(personOf(of('\uff21nn@example.com'), NAMES)).toBe('ann@example.com')
  })

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['a number', 7],
    ['only committed to, and erased since', '[committed]'],
    ['taken out as a secret', '[redacted:github-token]'],
  ])('is unknown where the claim is %s', (_what, email) => {
    expect(personOf(of(email), NAMES)).toBeUndefined()
    expect(isNameless(of(email), NAMES)).toBe(true)
  })

  test('is asked of nobody whose issuer names no persons', () => {
    expect(isNameless({ issuer: 'agents', claims: {} }, NAMES)).toBe(false)
  })
})
