import { NO_RESOURCE } from '../../scope/access-aws.ts'
import type { Action } from './actions.ts'
import type { Declared } from './declared.ts'

/** Actions that a scope declares on exactly these resources. */
export interface Group {
  readonly actions: readonly Action[]
  /** ARNs, or only `*` for actions without a resource. */
  readonly resources: readonly string[]
  /** Classes asked for by preset: what a wildcard may expand to where it cannot reach. */
  readonly preset: ReadonlySet<string>
}

/** Groups actions by the exact set of resources they are declared on. Sorted: equal input, equal text. */
export function groupDeclared(declared: readonly Declared[]): Group[] {
  const byAction = Map.groupBy(declared, (each) => each.action.id)
  const parts = [...byAction.values()].map((pairs) => {
    const resources = [...new Set(pairs.map((each) => each.resource))].sort()
    return { pairs, resources, key: resources.join('\n') }
  })
  const byResources = Map.groupBy(parts, (part) => part.key)
  return [...byResources.values()]
    .map((same): Group => {
      const actions = same.flatMap(({ pairs }) => pairs[0]?.action ?? [])
      const preset = new Set(same.flatMap(({ pairs }) => pairs.flatMap((each) => each.preset)))
      return { actions: actions.sort(byId), resources: same[0]?.resources ?? [], preset }
    })
    .sort((a, b) => (a.actions[0] && b.actions[0] ? byId(a.actions[0], b.actions[0]) : 0))
}

/** Its actions have no resource. */
export function isUnscoped(group: Group): boolean {
  return group.resources[0] === NO_RESOURCE
}

function byId(a: Action, b: Action): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
