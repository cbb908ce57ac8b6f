import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ED25519_COSIGNATURE, vkeyOf } from '../../src/ledger/note.ts'
import { formatPolicy, parsePolicy, quorumHolds } from '../../src/ledger/policy.ts'
import { rawKey } from './seeded-key.ts'

const LOG = 'broker.example/log+767ab39a+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'
const W1 = 'witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU'
const LOG_TYPE = 'witness.example/w1+9e225179+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU'
const key = (seed: number) => vkeyOf(`w${seed}.example`, ED25519_COSIGNATURE, rawKey(seed))
const NAMES = ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3']

/** The example of the specification, with keys. */
const EXAMPLE = `log ${LOG}

${NAMES.slice(0, 3)
  .map((name, at) => `witness ${name} ${key(10 + at)}\n`)
  .join('')}group X-witnesses 2 X1 X2 X3

  # the other organization
${NAMES.slice(3)
  .map((name, at) => `\twitness ${name}  ${key(13 + at)} https://y.example/\n`)
  .join('')}group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

function holds(text: string, ...names: string[]): boolean {
  const policy = parsePolicy(text)
  return quorumHolds(policy, new Set(names.map((name) => policy.witnesses.get(name)?.vkey ?? name)))
}

describe('the example of the specification', () => {
  it.each([
    [[], false],
    [['X1', 'X2'], false],
    [['X1', 'Y1'], false],
    [['Y1', 'Y2', 'Y3'], false],
    [['X1', 'X2', 'Y3'], true],
    [['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'], true],
    [['X1', 'X2', 'stranger'], false],
  ])('cosigned by %j is witnessed: %s', (names, expected) => {
    expect(holds(EXAMPLE, ...names)).toBe(expected)
  })

  it('names its log, and comes back from its own text', () => {
    const policy = parsePolicy(EXAMPLE)
    expect(policy.logs.map(({ vkey }) => vkey)).toEqual([LOG])
    const url = (vkey: string) => (vkey === LOG ? 'https://broker.example/log' : undefined)
    expect(parsePolicy(formatPolicy(policy, url))).toEqual(policy)
  })
})

it('a quorum of none needs nobody', () => {
  expect(holds('quorum none\n')).toBe(true)
})

describe('refuses', () => {
  const w = `witness w1 ${W1}\n`
  const other = `witness w2 ${key(9)}\n`
  it.each([
    ['nothing at all', '', 'it has no quorum'],
    ['no quorum', w, 'it has no quorum'],
    ['two quorums', `${w}quorum w1\nquorum w1\n`, 'line 3 is a second quorum'],
    ['a quorum of a stranger', `${w}quorum w2\n`, 'line 2 names what is not defined'],
    ['a quorum defined later', `quorum w1\n${w}`, 'line 1 names what is not defined'],
    ['a name twice', `${w}witness w1 ${key(9)}\nquorum w1\n`, 'line 2 defines a name again'],
    ['none as a name', `witness none ${W1}\nquorum none\n`, 'line 1 defines a name again'],
    ['one key under two names', `${w}witness w2 ${W1}\nquorum w1\n`, 'line 2 has a key'],
    [
      'the same public key under another id',
      `${w}witness w2 ${vkeyOf('z', 4, rawKey(2))}\nquorum w1\n`,
      'line 2 has a key',
    ],
    [
      'a log twice',
      `log ${LOG}\nlog ${LOG}\nquorum none\n`,
      'line 2 has a key that another log has',
    ],
    ['a witness with a key for logs', `witness w1 ${LOG_TYPE}\nquorum w1\n`, 'line 1 has no key'],
    ['a log with a key for witnesses', `log ${W1}\nquorum none\n`, 'line 1 has no key of a log'],
    [
      'a key with a wrong id',
      `witness w1 ${W1.replace('df1c', 'df1d')}\nquorum w1\n`,
      'line 1 has no key',
    ],
    ['a group of nobody', `${w}group g any\nquorum g\n`, 'line 2 is none of'],
    ['a group of none', `${w}group g any none\nquorum g\n`, 'line 2 has a member'],
    ['a group of itself', `${w}group g any g\nquorum g\n`, 'line 2 has a member'],
    ['a member twice in a group', `${w}group g any w1 w1\nquorum g\n`, 'line 2 has a member that'],
    [
      'a member of two groups',
      `${w}group g any w1\ngroup h any w1\nquorum h\n`,
      'line 3 has a member that',
    ],
    ['more than there are', `${w}${other}group g 3 w1 w2\nquorum g\n`, 'line 3 needs any, all'],
    ['a threshold of nobody', `${w}group g 0 w1\nquorum g\n`, 'line 2 needs any, all'],
    ['a threshold with a zero', `${w}group g 01 w1\nquorum g\n`, 'line 2 needs any, all'],
    ['an unknown line', `${w}quorum w1\nallow all\n`, 'line 3 is none of'],
    ['a carriage return', `${w}quorum w1\r\n`, 'control character'],
    ['a space that is none', `witness\u00a0w1 ${W1}\nquorum w1\n`, 'line 1 is none of'],
  ])('%s', (_what, text, problem) => {
    expect(() => parsePolicy(text)).toThrow(problem)
  })

  it('anything else without any other error', () => {
    const word = fc.constantFrom(
      'log',
      'witness',
      'group',
      'quorum',
      'any',
      '1',
      'w1',
      'g',
      W1,
      '#',
    )
    const line = fc.array(word, { maxLength: 5 }).map((words) => words.join(' '))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(line).map((lines) => lines.join('\n')),
          fc.string(),
        ),
        (text) => {
          try {
            expect(quorumHolds(parsePolicy(text), new Set())).toBeTypeOf('boolean')
          } catch (error) {
            expect(error).toMatchObject({ code: 'log_invalid' })
          }
        },
      ),
    )
  })
})

it('a name is its octets: a Kelvin sign is not a K', () => {
  const text = `witness K ${W1}\nwitness \u212a ${key(9)}\nquorum \u212a\n`
  const policy = parsePolicy(text)
  expect(policy.witnesses.size).toBe(2)
  expect(quorumHolds(policy, new Set([W1]))).toBe(false)
  expect(quorumHolds(policy, new Set([key(9)]))).toBe(true)
})
