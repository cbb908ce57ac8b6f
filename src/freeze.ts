/**
 * Freezes plain data all the way down, the values of maps included: what is shared between
 * requests cannot be changed by one.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  const inners: Iterable<unknown> = value instanceof Map ? value.values() : Object.values(value)
  for (const inner of inners) deepFreeze(inner)
  return value
}
