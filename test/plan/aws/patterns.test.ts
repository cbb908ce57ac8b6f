import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coverNames, type Shortening } from '../../../src/plan/aws/cover.ts'
import { globCovers, globMatches, globsOverlap } from '../../../src/plan/aws/glob.ts'

const RUNS = { numRuns: 400, seed: 20261120 }
const text = fc.stringMatching(/^[ab]{0,5}$/)
const pattern = fc.stringMatching(/^[ab*?]{0,5}$/)

/** The same by regular expressions: slow, and obviously right. */
function matchesByRegExp(glob: string, value: string): boolean {
  const source = glob.replaceAll('*', '.*').replaceAll('?', '.')
  return new RegExp(`^${source}$`).test(value)
}

describe('wildcards', () => {
  test('match what they stand for', () => {
    fc.assert(
      fc.property(pattern, text, (glob, value) => {
        expect(globMatches(glob, value)).toBe(matchesByRegExp(glob, value))
      }),
      RUNS,
    )
  })

  test('a pattern that covers another matches everything the other does', () => {
    fc.assert(
      fc.property(pattern, pattern, text, (wide, narrow, value) => {
        fc.pre(globCovers(wide, narrow) && globMatches(narrow, value))
        expect(globMatches(wide, value)).toBe(true)
      }),
      { ...RUNS, numRuns: 100 },
    )
  })

  test('patterns that both match a text overlap', () => {
    fc.assert(
      fc.property(pattern, pattern, text, (a, b, value) => {
        fc.pre(globMatches(a, value) && globMatches(b, value))
        expect(globsOverlap(a, b)).toBe(true)
      }),
      { ...RUNS, numRuns: 100 },
    )
  })

  test.each([
    ['a*', 'b*', false],
    ['a*b', 'ab*', true],
    ['table/*', 'table/x', true],
    ['table/*/index/*', 'table/x*', true],
    ['a?', 'a', false],
    ['', '*', true],
  ])('%s and %s overlap: %s', (a, b, answer) => {
    expect([globsOverlap(a, b), globsOverlap(b, a)]).toEqual([answer, answer])
  })

  test('a hostile pattern takes no time', () => {
    const started = performance.now()
    globMatches(`${'a*'.repeat(200)}b`, 'a'.repeat(2_000))
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('shortened names', () => {
  const name = fc.stringMatching(/^(Get|List|Put)(Object|Bucket|Acl)?(Tags|Ver)?$/)
  const names = fc.uniqueArray(name, { maxLength: 12 })

  test.each<Shortening>(['none', 'words', 'letters'])(
    'match every name to include and none to avoid (%s)',
    (shortening) => {
      fc.assert(
        fc.property(names, names, (include, rest) => {
          const avoid = rest.filter((each) => !include.includes(each))
          const patterns = coverNames(include, avoid, shortening)
          const matched = (each: string) => patterns.some((glob) => globMatches(glob, each))
          expect(include.filter((each) => !matched(each))).toEqual([])
          expect(avoid.filter(matched)).toEqual([])
        }),
        RUNS,
      )
    },
  )

  test('stand for words, and only where that is shorter', () => {
    const include = ['GetBucketAcl', 'GetBucketTagging', 'GetObject']
    expect(coverNames(include, ['GetDataAccess'], 'words')).toEqual(['GetBucket*', 'GetObject'])
    expect(coverNames(include, [], 'letters')).toEqual(['*'])
    expect(coverNames(['GetObject'], ['GetObjectAcl'], 'letters')).toEqual(['GetObject'])
  })

  test('keep patterns that are already short', () => {
    expect(coverNames(['GetObject*', 'PutObject'], ['GetItem'], 'letters')).toEqual(['GetO*', 'P*'])
  })
})
