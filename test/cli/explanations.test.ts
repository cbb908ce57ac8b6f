import { expect, test } from 'vitest'
import { EXPLANATIONS } from '../../src/cli/scope/explanations.ts'
import { REASON_CODES } from '../../src/decision/reason.ts'
import { ERROR_CODES } from '../../src/errors.ts'

test('every code of a refusal is explained, in sentences, with what to do next', () => {
  expect(Object.keys(EXPLANATIONS).sort()).toEqual(
    [...new Set([...ERROR_CODES, ...REASON_CODES])].sort(),
  )
  for (const [code, { means, next }] of Object.entries(EXPLANATIONS)) {
    for (const text of [means, next]) expect(text, code).toMatch(/^(?:[A-Z]|credctl ).{6,}[.]$/s)
  }
})
