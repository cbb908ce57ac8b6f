import { describe, expect, test } from 'vitest'
import { systemRandom } from '../../src/clock.ts'
import { createSeal } from '../../src/secret/seal.ts'

const key = systemRandom(32)
const seal = createSeal(key, systemRandom)

describe('sealed text', () => {
  test.each(['', 'text', 'ünïcode 🚀', 'x'.repeat(60_000)])(
    'opens for its own place: %#',
    (text) => {
      expect(seal.open(seal.seal(text, 'here'), 'here')).toBe(text)
    },
  )

  test('is never the same twice, and does not show what it holds', () => {
    const [first, second] = [seal.seal('secret words', 'here'), seal.seal('secret words', 'here')]
    expect(first.equals(second)).toBe(false)
    expect(first.toString('latin1')).not.toContain('secret words')
  })

  test('does not open for another place, nor under another key', () => {
    const sealed = seal.seal('text', 'here')
    expect(seal.open(sealed, 'there')).toBeUndefined()
    expect(createSeal(systemRandom(32), systemRandom).open(sealed, 'here')).toBeUndefined()
  })

  test('does not open once any byte of it has changed, or some are missing', () => {
    const sealed = seal.seal('text', 'here')
    for (const at of sealed.keys()) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(seal.open(changed, 'here')).toBeUndefined()
      expect(seal.open(sealed.subarray(0, at), 'here')).toBeUndefined()
    }
  })
})
