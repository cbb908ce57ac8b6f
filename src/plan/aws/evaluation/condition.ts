import type { Conditions } from '../policy.ts'
import { listOf } from './match.ts'
import { isNegated, operatorNamed } from './operators.ts'
import type { RequestContext } from './request.ts'
import { all, any, not, type Truth } from './truth.ts'
import { fillVariables } from './variables.ts'

/** All operators and all of their keys must hold. */
export function conditionHolds(conditions: Conditions | undefined, context: RequestContext): Truth {
  if (conditions === undefined) return true
  return all(
    Object.entries(conditions).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, wanted]) => holds(operator, key, listOf(wanted), context)),
    ),
  )
}

/**
 * One operator on one key (IAM User Guide, reference_policies_elements_condition_operators and
 * reference_policies_multi-value-conditions). A key that is absent fails a plain operator, passes
 * a negated one, an `IfExists` one and `ForAllValues`, and fails `ForAnyValue`.
 */
function holds(
  operator: string,
  key: string,
  wanted: readonly string[],
  context: RequestContext,
): Truth {
  const [, set, plain = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? []
  const given = context.valuesOf(key)
  if (given === 'unknown') return 'unknown'
  if (plain === 'Null') return (given.length === 0) === (wanted[0] === 'true')
  const negated = isNegated(plain)
  if (given.length === 0) {
    if (set === 'ForAnyValue') return false
    return set === 'ForAllValues' || ifExists !== undefined || negated
  }
  if (given.length > 1 && set === undefined) return 'unknown'
  // A negated operator with several wanted values means "none of them".
  const one = (value: string) => {
    const matched = any(wanted.map((text) => compare(plain, value, text, context)))
    return negated ? not(matched) : matched
  }
  return set === 'ForAnyValue' ? any(given.map(one)) : all(given.map(one))
}

/** Compares with the operator's positive form. */
function compare(plain: string, value: string, text: string, context: RequestContext): Truth {
  const matches = operatorNamed(plain)
  if (matches === undefined) return 'unknown'
  const filled = fillVariables(text, context)
  if (filled === 'unknown') return 'unknown'
  return filled === 'absent' ? false : matches(value, filled.text)
}
