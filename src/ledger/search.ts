import type { Entry, EntryCaller } from './entry.ts'

/** What a person looks for in the log. Every part that is given must fit. */
export interface EntryFilter {
  readonly grant?: string
  /** Subject of the caller whose grant an entry belongs to, or who was refused. */
  readonly subject?: string
  readonly scope?: string
  readonly environment?: string
  readonly kind?: Entry['kind']
  /** Entries from this moment on. */
  readonly from?: Date
  /** Entries before this moment. */
  readonly until?: Date
}

export interface FoundEntry {
  readonly index: number
  readonly entry: Entry
}

export interface FoundEntries {
  /** Newest first. */
  readonly entries: readonly FoundEntry[]
  /** Continue below this index; undefined when nothing older can fit. */
  readonly next: number | undefined
}

export interface SearchPage {
  /** Only entries below this index. */
  readonly before?: number
  readonly limit: number
  /**
   * Longest time in milliseconds to go on looking for rare entries: a page that ends early is
   * shorter and says where to continue, instead of making everybody wait.
   */
  readonly patienceMs: number
}

/** Looking through the log by more than its index. Errors: `ledger_unavailable`. */
export interface EntrySearch {
  search(filter: EntryFilter, page: SearchPage): Promise<FoundEntries>
  /** One entry with the exact bytes that were hashed. */
  entry(index: number): Promise<(FoundEntry & { readonly bytes: Uint8Array }) | undefined>
}

/** Whose grant an entry belongs to, for entries that name only the grant. */
export interface GrantOfEntry {
  readonly scope: string
  readonly environment: string
  readonly caller: Pick<EntryCaller, 'subject'>
}

/** Does an entry, together with its grant, fit a filter? */
export function fits(entry: Entry, grant: GrantOfEntry | undefined, filter: EntryFilter): boolean {
  const { scope, environment, caller } = namesOf(entry) ?? grant ?? {}
  const time = Date.parse(entry.time)
  const wanted: readonly [wanted: string | undefined, found: string | undefined][] = [
    [filter.kind, entry.kind],
    [filter.grant, 'grant' in entry ? entry.grant : undefined],
    [filter.scope, scope],
    [filter.environment, environment],
    [filter.subject, caller?.subject],
  ]
  const inTime =
    (filter.from === undefined || time >= filter.from.getTime()) &&
    (filter.until === undefined || time < filter.until.getTime())
  return inTime && wanted.every(([one, other]) => one === undefined || one === other)
}

function namesOf(entry: Entry): GrantOfEntry | undefined {
  if (entry.kind !== 'grant.decided') return undefined
  const { scope, environment, caller } = entry
  return { scope: scope.name, environment: environment.name, caller }
}
