import { RE2JS } from 're2js'
import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'

/**
 * What any value may hold, whatever a scope's pattern says (invariant 7): no wildcard, separator,
 * quote, substitution character, white space or look-alike. `..` is refused as a path step.
 */
const SAFE_VALUE = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._=@-]{0,127}$/

const name = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, {
  message: 'not a parameter name: lower-case letters, digits and underscores',
})

const schema = fields({
  /** RE2 syntax: matched against the whole value, in linear time whatever the pattern. */
  pattern: z.string().min(1).max(200),
  description: z.string().min(1).max(500),
}).superRefine((parameter, context) => {
  try {
    compiled(parameter.pattern)
  } catch {
    refuse(context, 'pattern is not a regular expression RE2 accepts', { path: ['pattern'] })
  }
})

export const parameter = { name, schema }
export type Parameter = z.infer<typeof schema>

const patterns = new Map<string, RE2JS>()
const MAX_PATTERNS = 1000

/** Compiling costs more than a whole scope otherwise does, and scopes share their patterns. */
function compiled(pattern: string): RE2JS {
  const known = patterns.get(pattern)
  if (known !== undefined) return known
  const made = RE2JS.compile(pattern)
  if (patterns.size >= MAX_PATTERNS) patterns.clear()
  patterns.set(pattern, made)
  return made
}

/** Why a value cannot fill this parameter, or undefined when it can. */
export function valueProblem(declared: Parameter, value: string): string | undefined {
  if (!SAFE_VALUE.test(value)) {
    return 'may hold only letters, digits and . _ = @ -, must start with a letter or digit, at most 128 characters'
  }
  // `matches` is anchored at both ends by RE2 itself, so that `a|b` cannot mean "starts with a".
  return compiled(declared.pattern).matches(value) ? undefined : `must match ${declared.pattern}`
}
