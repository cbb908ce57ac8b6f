import { setTimeout } from 'node:timers/promises'
import { isCredctlError } from '../../errors.ts'
import type { LogReader } from '../../ledger/verify.ts'
import type { LogEvent } from '../../publish/export/export.ts'
import { eventsFrom, headOf } from '../../publish/export/read.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { note, printable } from '../terminal.ts'
import { entryText } from './entry-text.ts'
import { Filter, type FilterFlags } from './filter.ts'
import { firstIndex, isPast } from './range.ts'
import { openSource } from './source.ts'

type Flags = Pick<BrokerFlag, 'broker'> & OutputFlag & FilterFlags & { readonly follow: boolean }

const PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/** `credctl log show [SOURCE]`: entries as they stand there; `log verify` says whether to believe it. */
export default async function show(cli: Cli, flags: Flags, source?: string): Promise<number> {
  const reader = openSource(cli, flags, source)
  const first = await firstIndex(reader, flags, await headOf(reader))
  const printer = new Printer(cli, flags, reader, first)
  const isOver = await printer.print()
  if (flags.follow && !isOver) await follow(cli, printer)
  return EXIT.ok
}

class Printer {
  readonly #cli: Cli
  readonly #flags: Flags
  readonly #reader: LogReader
  readonly #filter: Filter
  /** Everything before it was looked at, also when reading then failed. */
  #next: number

  constructor(cli: Cli, flags: Flags, reader: LogReader, first: number) {
    this.#cli = cli
    this.#flags = flags
    this.#reader = reader
    this.#filter = new Filter(flags)
    this.#next = first
  }

  /** What is chosen of the entries that are there now. True when no later one can be chosen. */
  async print(): Promise<boolean> {
    const head = await headOf(this.#reader)
    // A cached checkpoint may be older than what was already read.
    if (head.size <= this.#next) return false
    for await (const event of eventsFrom(this.#reader, this.#next, head)) {
      if (isPast(this.#flags, event.entry.time)) return true
      if (this.#filter.chooses(event.entry)) print(this.#cli, this.#flags, event)
      this.#next = event.index + 1
    }
    return false
  }
}

/** A broker that restarts is waited for; a log that is wrong ends it. */
async function follow(cli: Cli, printer: Printer): Promise<void> {
  let pause = PAUSE_MS
  let isOver = false
  while (!isOver) {
    await setTimeout(pause)
    try {
      isOver = await printer.print()
      pause = PAUSE_MS
    } catch (error) {
      if (!isCredctlError(error, 'unavailable')) throw error
      if (pause === PAUSE_MS) note(cli, `${error.message}; trying again`)
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    }
  }
}

function print(cli: Cli, { output }: OutputFlag, { index, entry }: LogEvent): void {
  const { stdout } = cli.process
  if (output === 'json') {
    stdout.write(`${JSON.stringify({ index, entry })}\n`)
    return
  }
  const grant = 'grant' in entry ? ` ${entry.grant}` : ''
  const line = `${index} ${entry.time} ${entry.kind}${grant}  ${entryText(entry)}`
  stdout.write(`${printable(line).replaceAll('\n', '\\n')}\n`)
}
