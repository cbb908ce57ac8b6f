import type { Problem } from '../document/diagnostic.ts'
import type { Scope } from './scope.ts'

/** A hole in a resource: `${ticket}`, or the built-in `${environment}`. */
export const HOLE = /\$\{([^}]*)\}/g

/** Parameters a scope may declare and a request may send: each one that is wrong is a reason. */
export const MAX_PARAMETERS = 20

const BUILT_IN = 'environment'

/**
 * Every hole must be declared and every declaration used: an undeclared hole would reach the
 * target as text, an unused parameter would look like a limit that nothing enforces.
 */
export function holeProblems(scope: Scope): Problem[] {
  const used = new Set<string>()
  const problems = resources(scope).flatMap(({ path, text }): Problem[] => {
    const rest = text.replaceAll(HOLE, (_hole, name: string) => {
      used.add(name)
      return ''
    })
    const unknown = [...text.matchAll(HOLE)].map((match) => match[1] ?? '').filter(unknownIn(scope))
    return [
      ...unknown.map((name) => unknownHole(scope, path, name)),
      ...(rest.includes('$') || rest.includes('{') || rest.includes('}')
        ? [{ path, message: 'a lone $, { or }', expected: `holes written as \${name}` }]
        : []),
    ]
  })
  const unused = Object.keys(scope.parameters)
    .filter((name) => !used.has(name))
    .map((name) => ({
      path: ['parameters', name],
      atKey: true,
      message: `parameter ${name} is not used by any resource`,
      expected: `\${${name}} in a resource, or no such parameter`,
    }))
  return [...problems, ...reserved(scope), ...unused]
}

function resources(scope: Scope) {
  return Object.entries(scope.access).flatMap(([target, access]) =>
    'aws' in access
      ? access.aws.flatMap((statement, index) => {
          const base = ['access', target, 'aws', index]
          return [
            ...statement.on.map((text, at) => ({ path: [...base, 'on', at], text })),
            ...(statement.leading_keys ?? []).map((text, at) => ({
              path: [...base, 'leading_keys', at],
              text,
            })),
          ]
        })
      : [],
  )
}

function unknownIn(scope: Scope): (name: string) => boolean {
  return (name) => name !== BUILT_IN && !Object.hasOwn(scope.parameters, name)
}

function unknownHole(scope: Scope, path: (string | number)[], name: string): Problem {
  const known = [BUILT_IN, ...Object.keys(scope.parameters)].map((each) => `\${${each}}`)
  const message = `\${${name}} is not a declared parameter`
  return { path, message, expected: known.join(' or ') }
}

function reserved(scope: Scope): Problem[] {
  if (!Object.hasOwn(scope.parameters, BUILT_IN)) return []
  const path = ['parameters', BUILT_IN]
  return [
    { path, atKey: true, message: 'environment is filled in by credctl', expected: 'another name' },
  ]
}
