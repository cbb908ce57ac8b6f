import type { z } from 'zod'
import type { Path, Problem } from './diagnostic.ts'

type Issue = z.core.$ZodIssue

/** zod's issues as problems: one for each unknown key, and in words a scope author would use. */
export function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, []))
}

function problemsOfIssue(issue: Issue, prefix: readonly (string | number)[]): Problem[] {
  const path = [...prefix, ...steps(issue.path)]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        atKey: true,
        message: `unknown key ${quote(key)}`,
        expected: issue.message,
      }))
    case 'invalid_key':
      return issue.issues.slice(0, 1).map(({ message, ...rest }) => ({
        path,
        atKey: true,
        message: `bad key: ${message}`,
        ...expectedOf({ message, ...rest }),
      }))
    case 'invalid_type':
      return [{ path, ...wrongType(issue, path) }]
    case 'invalid_value':
      return [{ path, ...wrongValue(issue, path) }]
    case 'invalid_union':
      return issue.input === undefined
        ? [{ path, ...missing(path) }]
        : unionProblems(issue.errors, path)
    case 'too_small':
    case 'too_big':
      return [{ path, ...sizeWords(issue, path) }]
    default:
      return [{ path, message: issue.message, ...expectedOf(issue) }]
  }
}

type Words = Omit<Problem, 'path'>

function missing(path: Path): Words {
  return { message: `missing ${name(path)}` }
}

function wrongType(issue: Extract<Issue, { code: 'invalid_type' }>, path: Path): Words {
  const expected = article(issue.expected)
  if (issue.input === undefined) return { ...missing(path), expected }
  const bare = typeof issue.input === 'number' || typeof issue.input === 'boolean'
  const inQuotes = issue.expected === 'string' && bare ? `${expected}, in quotes` : expected
  return { message: `wrong type for ${name(path)}`, expected: inQuotes }
}

function wrongValue(issue: Extract<Issue, { code: 'invalid_value' }>, path: Path): Words {
  if (issue.input === undefined) return { ...missing(path), expected: oneOf(issue) }
  return { message: `${name(path)} has a value that is not accepted`, expected: oneOf(issue) }
}

function unionProblems(branches: readonly Issue[][], path: (string | number)[]): Problem[] {
  const kinds = kindsOf(branches)
  if (kinds.length > 0) {
    const message = `${name(path)} must have exactly one of these keys`
    return [{ path, message, expected: kinds.join(' or ') }]
  }
  const types = branches.flatMap(([issue]) => (issue === undefined ? [] : (typeOf(issue) ?? [])))
  if (types.length === branches.length) {
    return [{ path, message: `${name(path)} is not accepted`, expected: types.join(' or ') }]
  }
  return closestBranch(branches).flatMap((issue) => problemsOfIssue(issue, path))
}

/** Mappings told apart by a key of their own (`postgres`, `aws`): those keys, if none or two are there. */
function kindsOf(branches: readonly Issue[][]): string[] {
  const missing = branches.map((issues) => issues.flatMap((issue) => missingKey(issue) ?? []))
  const foreign = branches.map((issues) =>
    issues.flatMap((issue) => (isOwn(issue, 'unrecognized_keys') ? issue.keys : [])),
  )
  if (missing.every((keys) => keys.length === 1)) return missing.flat()
  return foreign.every((keys) => keys.length > 0) ? [...new Set(foreign.flat())].sort() : []
}

function missingKey(issue: Issue): string | undefined {
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined
  return isMissing && issue.path.length === 1 ? String(issue.path[0]) : undefined
}

function isOwn<C extends Issue['code']>(
  issue: Issue,
  code: C,
): issue is Extract<Issue, { code: C }> {
  return issue.code === code && issue.path.length === 0
}

function typeOf(issue: Issue): string | undefined {
  if (isOwn(issue, 'invalid_value')) return oneOf(issue)
  return isOwn(issue, 'invalid_type') ? article(issue.expected) : undefined
}

/** Of a union's branches, the one that got furthest is the one the author meant. */
function closestBranch(branches: readonly Issue[][]): Issue[] {
  const depth = (issues: Issue[]) => Math.max(0, ...issues.map((issue) => issue.path.length))
  const closest = [...branches].sort((a, b) => depth(b) - depth(a) || a.length - b.length)
  return closest[0] ?? []
}

/** Schemas with words of their own for a size keep them; zod's say `expected number to be >=1`. */
function sizeWords(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>, path: Path): Words {
  if (!/^Too (small|big):/.test(issue.message)) return { message: issue.message }
  const small = issue.code === 'too_small'
  const bound = small ? `at least ${issue.minimum}` : `at most ${issue.maximum}`
  const [low, high, unit] = SIZES[issue.origin] ?? ['too small', 'too big', '']
  return { message: `${name(path)} is ${small ? low : high}`, expected: bound + unit }
}

const SIZES: Readonly<Record<string, readonly [low: string, high: string, unit: string]>> = {
  string: ['too short', 'too long', ' characters'],
  array: ['too short', 'too long', ' entries'],
}

function steps(path: readonly PropertyKey[]): (string | number)[] {
  return path.map((step) => (typeof step === 'symbol' ? String(step) : step))
}

function name(path: Path): string {
  const last = path.at(-1)
  if (last === undefined) return 'the document'
  return typeof last === 'number' ? `item ${last + 1} of ${name(path.slice(0, -1))}` : quote(last)
}

function quote(text: string): string {
  return JSON.stringify(text)
}

function article(expected: string): string {
  if (expected === 'record' || expected === 'object') return 'a mapping'
  if (expected === 'array') return 'a list'
  if (expected === 'int') return 'a whole number'
  if (expected === 'boolean') return 'true or false'
  return `a ${expected}`
}

function oneOf(issue: Extract<Issue, { code: 'invalid_value' }>): string {
  return issue.values.map((value) => quote(String(value))).join(' or ')
}

/** Schemas say what they would accept in a custom issue's `params.expected`. */
function expectedOf(issue: Issue): { expected?: string } {
  if (issue.code !== 'custom') return {}
  const expected: unknown = issue.params?.['expected']
  return typeof expected === 'string' ? { expected } : {}
}
