import type { BlastRadius } from '../../plan/blast-radius.ts'

/** How bad it is, from harmless to dangerous; the place in this list is the ring in the picture. */
export const REACHES = ['reads', 'changes', 'deletes', 'breaks'] as const
export type ReachName = (typeof REACHES)[number]

/** What each ring means, for people. */
export const REACH_WORDS: Readonly<Record<ReachName, string>> = {
  reads: 'reads',
  changes: 'adds, changes or runs',
  deletes: 'deletes or disrupts',
  breaks: 'destroys, exposes or gains rights',
}

/** Classes of AWS actions by ring. A class that is not here is drawn as the worst. */
const RING_OF: Readonly<Record<string, ReachName>> = {
  meta_read: 'reads',
  data_read: 'reads',
  data_write: 'changes',
  exec: 'changes',
  admin: 'changes',
  data_delete: 'deletes',
  disruptive: 'deletes',
  tagging: 'deletes',
  sql_opaque: 'deletes',
}

export interface Ring {
  readonly name: ReachName
  /** Tables of databases, by what can happen to their rows. */
  readonly tables: number
  /** AWS actions. */
  readonly actions: number
}

/** A blast radius sorted into rings. */
export interface Reach {
  readonly rings: readonly Ring[]
  /** The outermost ring that holds anything. */
  readonly worst: ReachName
  /** Some resources are named by a pattern: how many that is, the plan cannot tell. */
  readonly open: boolean
  readonly prod: boolean
}

export function reachOf(radius: BlastRadius): Reach {
  const { tablesBy, actionsBy, resources, environmentClass } = radius
  const tables: Readonly<Record<ReachName, number>> = {
    reads: tablesBy.select,
    changes: Math.max(tablesBy.insert, tablesBy.update),
    deletes: tablesBy.delete,
    breaks: 0,
  }
  const rings = REACHES.map((name) => ({ name, tables: tables[name], actions: 0 }))
  for (const [actionClass, count] of Object.entries(actionsBy)) {
    const name =
      (Object.hasOwn(RING_OF, actionClass) ? RING_OF[actionClass] : undefined) ?? 'breaks'
    const ring = rings[REACHES.indexOf(name)]
    if (ring !== undefined) ring.actions += count
  }
  const worst = rings.findLast(({ tables, actions }) => tables + actions > 0)?.name ?? 'reads'
  return { rings, worst, open: resources.wildcard > 0, prod: environmentClass === 'prod' }
}
