import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isUlid, systemClock, systemRandom, ulid } from '../src/clock.ts'

const at = (milliseconds: number) => ({ now: () => new Date(milliseconds) })
const bytes = (value: number) => (size: number) => Buffer.alloc(size, value)

describe('a ULID', () => {
  test('has the time of the example in the ULID specification', () => {
    expect(ulid(at(1469918176385), bytes(0))).toBe('01ARYZ6S410000000000000000')
  })

  test('reaches the largest of its random part, and no further', () => {
    expect(ulid(at(0), bytes(255))).toBe('0000000000ZZZZZZZZZZZZZZZZ')
    expect(ulid(at(2 ** 48 - 1), bytes(255))).toBe('7ZZZZZZZZZZZZZZZZZZZZZZZZZ')
  })

  test('is itself recognised, and sorts by time', () => {
    const time = fc.integer({ min: 0, max: 2 ** 48 - 2 })
    const random = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(time, random, random, (milliseconds, a, b) => {
        const earlier = ulid(at(milliseconds), bytes(a))
        const later = ulid(at(milliseconds + 1), bytes(b))
        expect(isUlid(earlier) && isUlid(later)).toBe(true)
        expect(earlier < later).toBe(true)
      }),
    )
  })

  test('is unique with the random source of the system', () => {
    const ids = Array.from({ length: 1000 }, () => ulid(systemClock, systemRandom))
    expect(new Set(ids).size).toBe(1000)
  })

  test.each([
    ['', 'nothing'],
    ['01ARYZ6S41000000000000000', '25 characters'],
    ['01ARYZ6S4100000000000000000', '27 characters'],
    ['01aryz6s410000000000000000', 'lower case'],
    ['01ARYZ6S41000000000000000I', 'I, which is not in the alphabet'],
    ['81ARYZ6S410000000000000000', 'more than 128 bits'],
    ['01ARYZ6S410000000000000000\n', 'a newline at the end'],
    ['01ARYZ6S4１0000000000000000', 'a full-width digit'],
  ])('is not %j: %s', (text) => {
    expect(isUlid(text)).toBe(false)
  })
})
