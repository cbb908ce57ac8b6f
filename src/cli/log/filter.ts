import type { Entry } from '../../ledger/entry.ts'

export type FilterFlags = {
  readonly grant?: string
  readonly caller?: string
  readonly scope?: string
  readonly env?: string
  readonly target?: string
  readonly kind?: string
  readonly since?: Date
  readonly until?: Date
}

/**
 * Chooses entries. Who asked for what stands in the decision alone: later entries of a grant are
 * chosen by the decision before them, so that every entry has to pass through here, in order.
 */
export class Filter {
  readonly #flags: FilterFlags
  /** Grants whose decision was chosen. */
  readonly #grants = new Set<string>()

  constructor(flags: FilterFlags) {
    this.#flags = flags
  }

  chooses(entry: Entry): boolean {
    const { kind, target, since, until } = this.#flags
    const time = Date.parse(entry.time)
    return (
      this.#choosesGrant(entry) &&
      (kind === undefined || entry.kind === kind) &&
      (target === undefined || ('target' in entry && entry.target === target)) &&
      (since === undefined || time >= since.getTime()) &&
      (until === undefined || time < until.getTime())
    )
  }

  #choosesGrant(entry: Entry): boolean {
    const { grant, caller, scope, env } = this.#flags
    if ([grant, caller, scope, env].every((each) => each === undefined)) return true
    if (!('grant' in entry)) return false
    if (entry.kind !== 'grant.decided') return this.#grants.has(entry.grant)
    const isChosen =
      (grant === undefined || entry.grant === grant) &&
      (caller === undefined || entry.caller.subject === caller) &&
      (scope === undefined || entry.scope.name === scope) &&
      (env === undefined || entry.environment.name === env)
    if (isChosen) this.#grants.add(entry.grant)
    return isChosen
  }
}
