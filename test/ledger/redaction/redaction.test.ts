import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Ask } from '../../../src/decision/evaluate.ts'
import { redactAsk } from '../../../src/ledger/redaction/ask.ts'
import { redactText } from '../../../src/ledger/redaction/redaction.ts'

interface Case {
  readonly what: string
  readonly text: string
  readonly becomes: string
}

const cases = parse(readFileSync(join(import.meta.dirname, 'cases.yaml'), 'utf8')) as {
  readonly secrets: readonly Case[]
  readonly ordinary: readonly string[]
  readonly personal: readonly Case[]
}
const real = (text: string) => text.replaceAll('~', '')

describe('a text', () => {
  test.each(cases.secrets)('loses $what', ({ text, becomes }) => {
    expect(redactText(real(text)).text).toBe(becomes)
  })

  test.each(cases.ordinary)('%j stays as it is', (text) => {
    expect(redactText(text)).toEqual({ text, types: [] })
  })

  test.each(cases.personal)('loses $what only where that is asked for', ({ text, becomes }) => {
    expect(redactText(text).text).toBe(text)
    expect(redactText(text, ['email', 'phone']).text).toBe(becomes)
  })

  test('loses a secret wherever it stands in it', () => {
    const secret = real(cases.secrets[0]?.text ?? '').slice(4, 24)
    const beside = fc.string({ unit: fc.constantFrom(' ', '\n', ',', 'ö', '"', '(', 'a ') })
    fc.assert(
      fc.property(beside, beside, (before, after) => {
        const { text } = redactText(`${before} ${secret} ${after}`)
        expect(text).not.toContain(secret)
        expect(text).toContain(before)
      }),
    )
  })

  test('has nothing left to find in what came out', () => {
    const parts = fc.constantFrom(...cases.secrets.map(({ text }) => real(text)), ...cases.ordinary)
    fc.assert(
      fc.property(
        fc.array(parts, { maxLength: 5 }),
        fc.constantFrom(' ', '\n', ', '),
        (all, by) => {
          const once = redactText(all.join(by), ['email', 'phone']).text
          expect(redactText(once, ['email', 'phone'])).toEqual({ text: once, types: [] })
        },
      ),
    )
  })

  test('of any characters is taken', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => void redactText(text, ['email'])),
    )
  })
})

describe('a request', () => {
  const key = real('AKIA~Q4XBNM2JKL7PWTYZ')
  const ask: Ask = {
    scope: 'exports',
    environment: 'staging',
    intent: 'Read exports.',
    parameters: { ticket: 'ORD-481' },
  }

  test('without a secret is the request itself', () => {
    expect(redactAsk(ask, ['email', 'phone'])).toBe(ask)
  })

  test.each([
    ['intent', { intent: `with ${key}` }, { at: 'intent', type: 'aws-access-key' }],
    ['scope', { scope: key }, { at: 'scope', type: 'aws-access-key' }],
    ['environment', { environment: key }, { at: 'environment', type: 'aws-access-key' }],
    ['value', { parameters: { ticket: key } }, { at: 'parameters.ticket', type: 'aws-access-key' }],
    ['name', { parameters: { [key]: 'x' } }, { at: 'parameters', type: 'aws-access-key' }],
  ])('loses the secret in its %s, and says so', (_where, change, redaction) => {
    const redacted = redactAsk({ ...ask, ...change }, [])
    expect(JSON.stringify(redacted)).not.toContain(key)
    expect(redacted.redacted).toEqual([redaction])
  })

  test('keeps addresses in parameters, which name resources', () => {
    const parameters = { owner: 'jane@example.com' }
    const { intent, ...rest } = redactAsk({ ...ask, intent: 'for a@b.de', parameters }, ['email'])
    expect(intent).toBe('for [redacted:email]')
    expect(rest.parameters).toEqual(parameters)
  })
})
