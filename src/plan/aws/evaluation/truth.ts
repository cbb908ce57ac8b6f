/** Three-valued logic (Kleene): what the evaluator does not know it never guesses. */
export type Truth = true | false | 'unknown'

/** True when all are; false as soon as one is, whatever else is unknown. */
export function all(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false
  return truths.includes('unknown') ? 'unknown' : true
}

/** True as soon as one is; false when all are. */
export function any(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true
  return truths.includes('unknown') ? 'unknown' : false
}

export function not(truth: Truth): Truth {
  return truth === 'unknown' ? 'unknown' : !truth
}
