import type { RequestContext } from './request.ts'

const VARIABLE = /\$\{([^}]*)\}/g
const KEY_AND_DEFAULT = /^([^,]+?)\s*(?:,\s*'([^']*)')?\s*$/

/** A pattern with its variables filled, or why it cannot be. */
export type Filled = { readonly text: string } | 'absent' | 'unknown'

/**
 * Fills policy variables such as `${aws:PrincipalTag/team}`. `absent` when a key without default is
 * not in the request: the statement then matches nothing. A value that holds a wildcard would be
 * text and not a pattern; that is unknown instead of handled.
 */
export function fillVariables(pattern: string, context: RequestContext): Filled {
  if (!pattern.includes('${')) return { text: pattern }
  const parts = [...pattern.matchAll(VARIABLE)].map((match) =>
    variableValue(match[1] ?? '', context),
  )
  if (parts.includes('unknown')) return 'unknown'
  if (parts.includes('absent')) return 'absent'
  const values = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.text]))
  return { text: pattern.replaceAll(VARIABLE, () => values.shift() ?? '') }
}

function variableValue(inside: string, context: RequestContext): Filled {
  const [, key, fallback] = KEY_AND_DEFAULT.exec(inside) ?? []
  const values = key === undefined ? 'unknown' : context.valuesOf(key)
  if (values === 'unknown' || values.length > 1) return 'unknown'
  const text = values[0] ?? fallback
  if (text === undefined) return 'absent'
  return /[*?]/.test(text) ? 'unknown' : { text }
}
