/** Rows that would have changed. */
export interface RowCounts {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
}

/** By table, as `schema.name`. */
export type Changes = ReadonlyMap<string, RowCounts>

export const NOTHING: Changes = new Map()

const NONE: RowCounts = { inserted: 0, updated: 0, deleted: 0 }

/** `base` and what came from `before` to `now`; tables without any change are left out. */
export function advanced(base: Changes, before: Changes, now: Changes): Changes {
  const result = new Map(base)
  for (const [table, counts] of now) {
    const earlier = before.get(table) ?? NONE
    const sum = combined(base.get(table) ?? NONE, counts, earlier)
    if (sum.inserted + sum.updated + sum.deleted > 0) result.set(table, sum)
  }
  return result
}

export function added(one: Changes, other: Changes): Changes {
  return advanced(one, NOTHING, other)
}

function combined(base: RowCounts, now: RowCounts, before: RowCounts): RowCounts {
  return {
    inserted: base.inserted + now.inserted - before.inserted,
    updated: base.updated + now.updated - before.updated,
    deleted: base.deleted + now.deleted - before.deleted,
  }
}
