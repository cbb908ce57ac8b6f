import { setTimeout } from 'node:timers/promises'
import { CredctlError } from '../../errors.ts'
import { parseCheckpoint } from '../../ledger/checkpoint.ts'
import type { Entry } from '../../ledger/entry.ts'
import { parseNote } from '../../ledger/note.ts'
import { decodeBundle, TILE_WIDTH } from '../../ledger/tile.ts'
import { parseEntryBytes } from '../../ledger/verify/parse.ts'
import type { LogReader } from '../../ledger/verify.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { printable } from '../terminal.ts'
import { entryText } from './entry-text.ts'
import { Filter, type FilterFlags } from './filter.ts'
import { openSource } from './source.ts'

type Flags = Pick<BrokerFlag, 'broker'> & OutputFlag & FilterFlags & { readonly follow: boolean }

const PAUSE_MS = 1_000

/** `credctl log show [SOURCE]`: entries as they stand there; `log verify` says whether to believe it. */
export default async function show(cli: Cli, flags: Flags, source?: string): Promise<number> {
  const reader = openSource(cli, flags, source)
  const filter = new Filter(flags)
  let next = 0
  do {
    const size = await sizeOf(reader)
    for await (const { index, entry } of entriesOf(reader, next, size)) {
      if (filter.chooses(entry)) print(cli, flags, index, entry)
    }
    next = Math.max(next, size)
    if (flags.follow) await setTimeout(PAUSE_MS)
  } while (flags.follow)
  return EXIT.ok
}

async function sizeOf(reader: LogReader): Promise<number> {
  return parseCheckpoint(parseNote(await reader.checkpoint()).text).size
}

async function* entriesOf(reader: LogReader, first: number, size: number) {
  for (let index = Math.floor(first / TILE_WIDTH); index * TILE_WIDTH < size; index += 1) {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH)
    const bundle = await reader.entries(index, width)
    if (bundle === undefined) throw new CredctlError('log_invalid', `bundle ${index} is missing`)
    for (const [at, bytes] of decodeBundle(bundle, { index, width }).entries()) {
      const place = index * TILE_WIDTH + at
      if (place >= first) yield { index: place, entry: parsed(place, bytes) }
    }
  }
}

function parsed(index: number, bytes: Uint8Array): Entry {
  const entry = parseEntryBytes(bytes)
  if (typeof entry !== 'string') return entry
  const hint = 'credctl log verify tells what is wrong with the whole log.'
  throw new CredctlError('log_invalid', `entry ${index} is not one: ${entry}`, { hint })
}

function print(cli: Cli, { output }: OutputFlag, index: number, entry: Entry): void {
  const { stdout } = cli.process
  if (output === 'json') {
    stdout.write(`${JSON.stringify({ index, entry })}\n`)
    return
  }
  const grant = 'grant' in entry ? ` ${entry.grant}` : ''
  const line = `${index} ${entry.time} ${entry.kind}${grant}  ${entryText(entry)}`
  stdout.write(`${printable(line).replaceAll('\n', '\\n')}\n`)
}
