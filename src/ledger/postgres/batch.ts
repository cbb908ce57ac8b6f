import { canonicalBytes, type Plain } from '../../canonical.ts'
import { CredctlError } from '../../errors.ts'
import { type Change, changeOf } from '../changes.ts'
import type { FullTile } from '../edge.ts'
import type { Entry } from '../entry.ts'
import { entryProblem } from '../entry-schema.ts'
import type { Appended, Guard } from '../ledger.ts'
import { leafHash } from '../merkle.ts'
import { MAX_ENTRY_BYTES } from '../tile.ts'

/** An entry on its way: checked, serialised and hashed once, when it arrived. */
export interface Waiting {
  readonly entry: Entry
  readonly guard: Guard
  readonly change: Change | undefined
  readonly body: Buffer
  readonly leaf: Buffer
  resolve(appended: Appended): void
  reject(error: unknown): void
}

/** Throws `internal` for what is no entry: nothing a caller sends should get this far. */
export function prepare(entry: Entry, guard: Guard): Pick<Waiting, 'body' | 'leaf' | 'change'> {
  const problem = entryProblem(entry)
  if (problem !== undefined) throw new CredctlError('internal', `not a log entry: ${problem}`)
  const guarded = guard.credential === undefined || 'credential' in entry
  const ofGrant = guard.grant !== undefined || guard.approval !== undefined
  if (!guarded || (ofGrant && !('grant' in entry))) {
    throw new CredctlError('internal', `an entry of kind ${entry.kind} cannot have this guard`)
  }
  const body = canonicalBytes<Entry>(entry as Entry & Plain<Entry>)
  if (body.length > MAX_ENTRY_BYTES) {
    throw new CredctlError('request_too_large', 'what would be recorded is larger than an entry', {
      hint: `${MAX_ENTRY_BYTES} bytes of canonical JSON, intent and claims included`,
    })
  }
  return { body, leaf: leafHash(body), change: changeOf(entry) }
}

/**
 * The entries for the next transaction, in order, and those that wait for the one after: an entry
 * whose guard reads what an earlier one in the same batch changes must see that change committed.
 */
export function takeBatch(
  waiting: readonly Waiting[],
  limits: { readonly entries: number; readonly bytes: number },
): { readonly batch: Waiting[]; readonly rest: Waiting[] } {
  const batch: Waiting[] = []
  const rest: Waiting[] = []
  const written = new Set<string>()
  const held = new Set<string>()
  let bytes = 0
  for (const [at, item] of waiting.entries()) {
    if (batch.length === limits.entries || bytes + item.body.length > limits.bytes) {
      return { batch, rest: [...rest, ...waiting.slice(at)] }
    }
    const keys = [...readsOf(item), ...writesOf(item)]
    if (keys.some((key) => written.has(key) || held.has(key))) {
      rest.push(item)
      // What waits must not be overtaken by a later entry of the same grant or credential.
      for (const key of keys) held.add(key)
      continue
    }
    batch.push(item)
    bytes += item.body.length
    for (const key of writesOf(item)) written.add(key)
  }
  return { batch, rest }
}

function writesOf({ change }: Waiting): string[] {
  if (change === undefined) return []
  if (change.kind === 'asked') return [change.grant, change.binding]
  return 'credential' in change ? [change.credential] : [change.grant]
}

function readsOf({ entry, guard }: Waiting): string[] {
  const ofGrant = guard.grant !== undefined || guard.approval !== undefined
  const grant = ofGrant && 'grant' in entry ? [entry.grant] : []
  return guard.credential !== undefined && 'credential' in entry
    ? [...grant, entry.credential]
    : grant
}

/** The code a caller gets when its guard does not hold. */
export function guardError({ guard }: Waiting, of: 'entries' | 'approvals'): CredctlError {
  if (of === 'approvals') {
    return new CredctlError('approval_settled', 'the request for approval has moved on', {
      hint: 'look at it again: credctl approval show',
    })
  }
  if (guard.usage !== undefined) {
    return new CredctlError('limit_reached', `a limit of scope ${guard.usage.scope} is used up`, {
      hint: 'wait until a grant ends, or ask the owner of the scope',
    })
  }
  return new CredctlError('grant_ended', 'the grant or credential has already ended')
}

/** A batch as `credctl_ledger.append` takes it: few parameters for any number of entries. */
export function rowsOf(batch: readonly Waiting[], tiles: readonly FullTile[]): readonly unknown[] {
  const lengths = batch.map(({ body }) => body.length)
  let end = 0
  const starts = lengths.map((length) => {
    end += length
    return end - length
  })
  const guards = guardsOf(batch)
  const changes = changesOf(batch)
  return [
    batch.map(({ entry }) => ('grant' in entry ? entry.grant : null)),
    starts,
    lengths,
    Buffer.concat(batch.map(({ body }) => body)),
    Buffer.concat(batch.map(({ leaf }) => leaf)),
    ...[guards.usage, guards.grant, guards.credential].map(rows),
    ...[changes.issued, changes.ended, changes.requested, changes.outcome].map(rows),
    tiles.map(({ level }) => level),
    tiles.map(({ index }) => index),
    Buffer.concat(tiles.map(({ hashes }) => hashes)),
    Buffer.concat(tiles.map(({ root }) => root)),
  ]
}

/** Does this item need the state of approvals, or change it? */
export function touchesApprovals({ guard, change }: Waiting): boolean {
  if (guard.approval !== undefined) return true
  if (change?.kind === 'issued') return change.approved === true
  return change?.kind === 'asked' || change?.kind === 'moved'
}

/** A batch as `credctl_ledger.move_approvals` takes it, after the index of its first entry. */
export function approvalRowsOf(batch: readonly Waiting[]): readonly string[] {
  const guards: object[] = []
  const { asked, moved, issued } = changesOf(batch)
  for (const [position, { entry, guard, change }] of batch.entries()) {
    if (guard.approval === 'new') {
      const binding = change?.kind === 'asked' ? change.binding : ''
      guards.push({ position, binding })
    } else if (guard.approval !== undefined && 'grant' in entry) {
      const { grant: id, previous: last } = entry
      // What ends by time ends late; everything else comes in time or not at all.
      const at = entry.kind === 'approval.ended' ? undefined : entry.time
      guards.push({ position, id, last, statuses: guard.approval, at })
    }
  }
  const redeemed = issued.filter((change) => 'approved' in change)
  const gone = redeemed.map((change) => ({ ...change, status: 'redeemed' }))
  return [guards, asked, [...moved, ...gone]].map((all) => JSON.stringify(all))
}

function rows(all: readonly object[]): string | null {
  return all.length === 0 ? null : JSON.stringify(all)
}

type Rows<Kind extends string> = Readonly<Record<Kind, object[]>>

function changesOf(batch: readonly Waiting[]): Rows<Change['kind']> {
  const changes: Rows<Change['kind']> = {
    issued: [],
    ended: [],
    requested: [],
    outcome: [],
    asked: [],
    moved: [],
  }
  for (const [position, { change }] of batch.entries()) {
    if (change !== undefined) changes[change.kind].push({ position, ...change })
  }
  return changes
}

function guardsOf(batch: readonly Waiting[]): Rows<'usage' | 'grant' | 'credential'> {
  const guards: Rows<'usage' | 'grant' | 'credential'> = { usage: [], grant: [], credential: [] }
  const issued = new Map<string, number>()
  for (const [position, { entry, guard, change }] of batch.entries()) {
    if (guard.usage !== undefined) {
      const { scope, environment, liveGrants: live, grantsPerDay: per_day } = guard.usage
      const ahead = issued.get(usageKey({ scope, environment })) ?? 0
      guards.usage.push({ position, scope, environment, at: entry.time, live, per_day, ahead })
    }
    if (guard.grant !== undefined && 'grant' in entry) {
      const live_at = guard.grant === 'live' ? entry.time : undefined
      guards.grant.push({ position, id: entry.grant, live_at })
    }
    if (guard.credential !== undefined && 'credential' in entry) {
      guards.credential.push({ position, id: entry.credential })
    }
    if (change?.kind === 'issued') {
      const key = usageKey(change)
      issued.set(key, (issued.get(key) ?? 0) + 1)
    }
  }
  return guards
}

function usageKey({ scope, environment }: { scope: string; environment: string }): string {
  return JSON.stringify([scope, environment])
}
