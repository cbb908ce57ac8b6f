import type { Finding } from './finding.ts'
import type { SeenHead } from './seen.ts'

/** Clocks of others, and of brokers among themselves, may differ by this much. */
const SLACK_MS = 300_000

interface Bound {
  readonly size: number
  readonly time: number
}

/**
 * Holds the times that entries claim against the times at which others saw the log: what came after
 * a head that was seen at ten was not written at nine, and what is below it was not written at
 * eleven. Entries are asked about in order.
 */
export class Clocks {
  /** By size, each later than the one before. */
  readonly #notBefore: readonly Bound[]
  /** By size, each earlier than the one after. */
  readonly #notAfter: readonly Bound[]
  #passed = 0
  #ahead = 0
  #told: Bound | undefined

  constructor(seen: readonly SeenHead[]) {
    const bounds = seen
      .flatMap(({ size, time }) => (time === undefined ? [] : [{ size, time: time.getTime() }]))
      .sort((a, b) => a.size - b.size || a.time - b.time)
    this.#notBefore = risingIn(bounds)
    this.#notAfter = risingIn(bounds.toReversed().map(mirrored)).map(mirrored).toReversed()
  }

  /** Of each bound that is broken, the first entry that breaks it. */
  check(index: number, time: number): readonly Finding[] {
    while ((this.#notBefore[this.#passed]?.size ?? Infinity) <= index) this.#passed += 1
    while ((this.#notAfter[this.#ahead]?.size ?? Infinity) <= index) this.#ahead += 1
    const earliest = this.#notBefore[this.#passed - 1]
    const latest = this.#notAfter[this.#ahead]
    if (earliest !== undefined && time < earliest.time - SLACK_MS) {
      return this.#tell(earliest, 'entry_backdated', index, 'before', 'not in the log yet')
    }
    if (latest !== undefined && time > latest.time + SLACK_MS) {
      return this.#tell(latest, 'entry_postdated', index, 'after', 'in the log already')
    }
    return []
  }

  #tell(
    bound: Bound,
    code: 'entry_backdated' | 'entry_postdated',
    index: number,
    where: string,
    what: string,
  ): readonly Finding[] {
    if (this.#told === bound) return []
    this.#told = bound
    const when = new Date(bound.time).toISOString()
    const message = `entry ${index} claims a time ${where} ${when}, when it was ${what}`
    return [{ code, index, message }]
  }
}

/** Only those bounds that say more than the ones before them. */
function risingIn(bounds: readonly Bound[]): Bound[] {
  const rising: Bound[] = []
  for (const bound of bounds) {
    const last = rising.at(-1)
    if (last === undefined || bound.time > last.time) rising.push(bound)
  }
  return rising
}

function mirrored({ size, time }: Bound): Bound {
  return { size, time: -time }
}
