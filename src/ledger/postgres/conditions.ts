/** Conditions of a query with their values, which are never part of its text. */
export interface Conditions {
  /** Adds a condition on a value; what is not asked for adds none. */
  where(condition: (place: string) => string, value: unknown): void
  /** The clause and everything after it, with the number of rows as the last value. */
  query(order: string, limit: number): { readonly text: string; readonly values: unknown[] }
}

export function conditions(): Conditions {
  const texts: string[] = []
  const values: unknown[] = []
  return {
    where(condition, value) {
      if (value === undefined) return
      values.push(value)
      texts.push(condition(`$${values.length}`))
    },
    query(order, limit) {
      const clause = texts.length === 0 ? '' : `WHERE ${texts.join(' AND ')}`
      const text = `${clause} ORDER BY ${order} LIMIT $${values.length + 1}`
      return { text, values: [...values, limit] }
    },
  }
}
