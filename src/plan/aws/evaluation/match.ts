import { globMatches, hasWildcard } from '../glob.ts'
import type { PolicyStatement } from '../policy.ts'
import type { AwsPrincipal, AwsRequest, RequestContext } from './request.ts'
import { any, not, type Truth } from './truth.ts'
import { fillVariables } from './variables.ts'

/** Does the statement speak of this action and resource? Conditions and principals are apart. */
export function actionMatches(statement: PolicyStatement, request: AwsRequest): boolean {
  const { Action, NotAction } = statement
  const action = request.action.toLowerCase()
  if (Action !== undefined) return oneMatches(Action, action)
  return NotAction === undefined ? false : !oneMatches(NotAction, action)
}

export function resourceMatches(statement: PolicyStatement, request: AwsRequest): Truth {
  const { Resource, NotResource } = statement
  const matches = (patterns: string | readonly string[]) =>
    any(listOf(patterns).map((pattern) => arnMatches(pattern, request.resource, request.context)))
  if (Resource !== undefined) return matches(Resource)
  return NotResource === undefined ? false : not(matches(NotResource))
}

function oneMatches(patterns: string | readonly string[], action: string): boolean {
  if (typeof patterns === 'string') return globMatches(patterns.toLowerCase(), action)
  const { names, globs } = sorted(patterns)
  return names.has(action) || globs.some((glob) => globMatches(glob, action))
}

interface ActionPatterns {
  readonly names: ReadonlySet<string>
  readonly globs: readonly string[]
}

const known = new WeakMap<readonly string[], ActionPatterns>()

/** In lower case. Most patterns are plain names, and the same list is asked about many actions. */
function sorted(patterns: readonly string[]): ActionPatterns {
  const found = known.get(patterns)
  if (found !== undefined) return found
  const lower = patterns.map((pattern) => pattern.toLowerCase())
  const globs = lower.filter(hasWildcard)
  const made = { names: new Set(lower.filter((pattern) => !hasWildcard(pattern))), globs }
  known.set(patterns, made)
  return made
}

/**
 * IAM compares the five fields before the resource one by one, so that `*` does not reach across
 * them. Where only a comparison of the whole text would match, AWS's answer is not documented.
 */
export function arnMatches(pattern: string, arn: string, context: RequestContext): Truth {
  const filled = fillVariables(pattern, context)
  if (filled === 'unknown') return 'unknown'
  if (filled === 'absent') return false
  if (filled.text === '*' || filled.text === arn) return true
  if (!hasWildcard(filled.text)) return false
  const wanted = fieldsOf(filled.text)
  const given = fieldsOf(arn)
  if (wanted !== undefined && given !== undefined) {
    if (wanted.every((field, index) => globMatches(field, given[index] ?? ''))) return true
  }
  return globMatches(filled.text, arn) ? 'unknown' : false
}

function fieldsOf(arn: string): string[] | undefined {
  const fields = arn.split(':')
  if (fields[0] !== 'arn' || fields.length < 6) return undefined
  return fields.length === 6 ? fields : [...fields.slice(0, 5), fields.slice(5).join(':')]
}

/** How a resource policy names the caller: it decides what else limits the grant. */
export type Naming = 'everyone' | 'session' | 'role' | 'account' | 'none' | 'unknown'

/** The strongest way in which a resource policy's statement names this principal. */
export function namingOf(statement: PolicyStatement, principal: AwsPrincipal): Naming {
  const { Principal, NotPrincipal } = statement
  // Whom NotPrincipal leaves over depends on every form of the caller's name at once.
  if (NotPrincipal !== undefined) return 'unknown'
  if (Principal === undefined) return 'none'
  if (Principal === '*') return 'everyone'
  const names = listOf(Principal['AWS'] ?? [])
  if (names.includes('*')) return 'everyone'
  if (names.includes(principal.session)) return 'session'
  if (names.includes(principal.role)) return 'role'
  const root = `arn:${principal.role.split(':')[1] ?? 'aws'}:iam::${principal.account}:root`
  return names.includes(root) || names.includes(principal.account) ? 'account' : 'none'
}

export function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}
