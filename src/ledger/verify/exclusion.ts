import type { SeenHead } from './seen.ts'
import { seenBy } from './seen.ts'

/** What whoever holds the key of a log, or its database, could try. */
export const ATTACKS = [
  'altered_entry',
  'removed_entry',
  'cut_tail',
  'forked_history',
  'backdated_entry',
] as const
export type Attack = (typeof ATTACKS)[number]

/**
 * Whether the evidence at hand excludes an attack, also by whoever holds the log's key. Against
 * everybody else the signature alone excludes the first two.
 */
export interface Exclusion {
  readonly attack: Attack
  readonly excluded: boolean
  /** Entries it is excluded for: from, and up to but without. Empty when it is not excluded. */
  readonly from: number
  readonly to: number
  /** Whose memory excludes it. */
  readonly by: readonly string[]
  /** What would exclude it, or exclude it for the rest. */
  readonly needs?: string
}

export interface Evidence {
  readonly size: number
  /** The entries are those that were signed, and every seen head is a part of them. */
  readonly holds: boolean
  /** Outside memory, a witness quorum over this very checkpoint included. */
  readonly seen: readonly SeenHead[]
  /** Times of entries before this one were not compared with those of `seen`. */
  readonly timesFrom: number
}

export function exclusionsOf(evidence: Evidence): readonly Exclusion[] {
  const { holds, seen } = evidence
  if (!holds) {
    const nothing = { excluded: false, from: 0, to: 0, by: [], needs: 'a log without damage' }
    return ATTACKS.map((attack) => ({ attack, ...nothing }))
  }
  const shared = seen.filter(({ by }) => by !== undefined && by.kind !== 'remembered')
  return [
    upTo(
      'altered_entry',
      evidence,
      seen,
      'a head of all entries that you, a witness quorum or an anchor remembers',
    ),
    upTo(
      'removed_entry',
      evidence,
      seen,
      'a head of all entries that you, a witness quorum or an anchor remembers',
    ),
    upTo('cut_tail', evidence, seen, 'a later head: the newest that a witness or an anchor has'),
    upTo(
      'forked_history',
      evidence,
      shared,
      'a witness quorum, or an anchor that other readers use too',
    ),
    backdating(evidence),
  ]
}

/** Nothing below the largest head can be otherwise than whoever remembers it saw it. */
function upTo(
  attack: Attack,
  { size }: Evidence,
  heads: readonly SeenHead[],
  needs: string,
): Exclusion {
  const to = Math.max(0, ...heads.map((head) => head.size))
  const rest = to < size || attack === 'cut_tail' ? { needs } : {}
  return { attack, excluded: to > 0, from: 0, to, by: sources(heads), ...rest }
}

/** What came after a head with a time cannot claim an earlier one. */
function backdating({ size, seen, timesFrom }: Evidence): Exclusion {
  const timed = seen.filter(({ time, size: known }) => time !== undefined && known > 0)
  const first = Math.max(timesFrom, Math.min(size, ...timed.map((head) => head.size)))
  const attack = 'backdated_entry'
  const needs = 'earlier heads with the time of a witness, of a bucket, or of this machine'
  if (first >= size) return { attack, excluded: false, from: 0, to: 0, by: [], needs }
  const rest = first > 0 ? { needs } : {}
  return { attack, excluded: true, from: first, to: size, by: sources(timed), ...rest }
}

/** The largest head of each who remembers. */
function sources(heads: readonly SeenHead[]): readonly string[] {
  const largest = new Map<string, number>()
  for (const head of heads) {
    const name = seenBy(head).slice(2, -1) || 'a head that was seen'
    largest.set(name, Math.max(head.size, largest.get(name) ?? 0))
  }
  return [...largest].map(([name, size]) => `${name}: ${size} entries`)
}
