import { CredctlError } from '../../errors.ts'
import { parseCheckpoint } from '../../ledger/checkpoint.ts'
import { parseNote } from '../../ledger/note.ts'
import type { LogReader } from '../../ledger/reader.ts'
import { decodeBundle, TILE_WIDTH } from '../../ledger/tile.ts'
import { parseEntryBytes } from '../../ledger/verify/parse.ts'
import type { LogEvent } from './export.ts'

/** What the log says of itself. Its signature is not looked at: `log verify` does that. */
export async function headOf(reader: LogReader): Promise<{ origin: string; size: number }> {
  const { origin, size } = parseCheckpoint(parseNote(await reader.checkpoint()).text)
  return { origin, size }
}

/** Entries from `first` on, in order. Errors: `log_invalid`, and those of the reader. */
export async function* eventsFrom(
  reader: LogReader,
  first: number,
  { origin, size }: { readonly origin: string; readonly size: number },
): AsyncGenerator<LogEvent> {
  for (let index = Math.floor(first / TILE_WIDTH); index * TILE_WIDTH < size; index += 1) {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH)
    const bundle = await reader.entries(index, width)
    if (bundle === undefined) throw new CredctlError('log_invalid', `bundle ${index} is missing`)
    for (const [at, bytes] of decodeBundle(bundle, { index, width }).entries()) {
      const place = index * TILE_WIDTH + at
      if (place >= first) yield { origin, index: place, bytes, entry: parsed(place, bytes) }
    }
  }
}

function parsed(index: number, bytes: Uint8Array) {
  const entry = parseEntryBytes(bytes)
  if (typeof entry !== 'string') return entry
  const hint = 'credctl log verify tells what is wrong with the whole log.'
  throw new CredctlError('log_invalid', `entry ${index} is not one: ${entry}`, { hint })
}
