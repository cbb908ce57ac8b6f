import type { z } from 'zod'
import type { Problem } from './diagnostic.ts'

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
      return [{ path, atKey: true, message: `bad key: ${firstMessage(issue)}` }]
    case 'invalid_type':
      return [
        {
          path,
          message:
            issue.input === undefined ? `missing ${name(path)}` : `wrong type for ${name(path)}`,
          expected: article(issue.expected),
        },
      ]
    case 'invalid_value':
      return [
        { path, message: `${name(path)} has a value that is not accepted`, expected: oneOf(issue) },
      ]
    case 'invalid_union':
      return closestBranch(issue.errors, path) ?? [{ path, message: issue.message }]
    default:
      return [{ path, message: issue.message, ...expectedOf(issue) }]
  }
}

/** Of a union's branches, the one that got furthest is the one the author meant. */
function closestBranch(branches: readonly Issue[][], path: (string | number)[]) {
  const depth = (issues: Issue[]) => Math.max(0, ...issues.map((issue) => issue.path.length))
  const best = [...branches].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0]
  return best?.flatMap((issue) => problemsOfIssue(issue, path))
}

function steps(path: readonly PropertyKey[]): (string | number)[] {
  return path.map((step) => (typeof step === 'symbol' ? String(step) : step))
}

function name(path: readonly (string | number)[]): string {
  return path.length === 0 ? 'the document' : quote(String(path.at(-1)))
}

function quote(text: string): string {
  return JSON.stringify(text)
}

function article(expected: string): string {
  if (expected === 'record' || expected === 'object') return 'a mapping'
  if (expected === 'array') return 'a list'
  if (expected === 'int') return 'a whole number'
  return `a ${expected}`
}

function oneOf(issue: Extract<Issue, { code: 'invalid_value' }>): string {
  return issue.values.map((value) => quote(String(value))).join(' or ')
}

function firstMessage(issue: Extract<Issue, { code: 'invalid_key' }>): string {
  return issue.issues[0]?.message ?? issue.message
}

/** Schemas say what they would accept in a custom issue's `params.expected`. */
function expectedOf(issue: Issue): { expected?: string } {
  if (issue.code !== 'custom') return {}
  const expected: unknown = issue.params?.['expected']
  return typeof expected === 'string' ? { expected } : {}
}
