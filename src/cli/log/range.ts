import type { LogReader } from '../../ledger/reader.ts'
import { TILE_WIDTH } from '../../ledger/tile.ts'
import { eventsFrom } from '../../publish/export/read.ts'
import type { FilterFlags } from './filter.ts'

/** Entries stand in the order of their times up to this: clocks of replicas differ. */
const SLACK_MS = 5 * 60_000

interface Head {
  readonly origin: string
  readonly size: number
}

/** Index before which no entry can be chosen, found by bisection over bundles. */
export async function firstIndex(
  reader: LogReader,
  flags: FilterFlags,
  head: Head,
): Promise<number> {
  const time = earliest(flags)
  if (time === undefined) return 0
  let low = 0
  let high = Math.ceil(head.size / TILE_WIDTH)
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((await timeAt(reader, middle * TILE_WIDTH, head)) < time - SLACK_MS) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1) * TILE_WIDTH
}

/** No entry after one of this time can be chosen. */
export function isPast({ until }: FilterFlags, time: string): boolean {
  return until !== undefined && Date.parse(time) > until.getTime() + SLACK_MS
}

/**
 * The id of a grant says when it was decided. What is chosen by the decision alone (a caller, a
 * scope) may have been decided at any time before.
 */
function earliest({ grant, caller, scope, env, since }: FilterFlags): number | undefined {
  if (grant !== undefined) return timeOfUlid(grant)
  const byDecision = [caller, scope, env].some((each) => each !== undefined)
  return byDecision ? undefined : since?.getTime()
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** The first ten characters of a ULID are its milliseconds (github.com/ulid/spec). */
function timeOfUlid(id: string): number | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id)) return undefined
  return [...id.slice(0, 10)].reduce((time, each) => time * 32 + CROCKFORD.indexOf(each), 0)
}

async function timeAt(reader: LogReader, index: number, head: Head): Promise<number> {
  for await (const { entry } of eventsFrom(reader, index, head)) return Date.parse(entry.time)
  return Number.POSITIVE_INFINITY
}
