import type { z } from 'zod'
import { parseEntryBytes } from '../../ledger/verify/parse.ts'
import type { Cli } from '../cli.ts'
import { entryText } from '../log/entry-text.ts'
import type { grantShowOutput } from '../output/grant.ts'
import type { LogReceiptOutput } from '../output/log.ts'
import { isFancy, printable } from '../terminal.ts'
import { between } from './duration.ts'

interface Moment {
  readonly time: Date
  readonly what: string
  readonly text: string
  /** Place in the log; what is still to come, or follows from the clock, has none. */
  readonly index?: number
}

/** What happened under a grant, entry by entry, and when it ends by itself. */
export function timeline(
  cli: Cli,
  grant: z.infer<typeof grantShowOutput>,
  { receipts }: LogReceiptOutput,
): string {
  const moments = [...receipts.flatMap(entryOf), ...endOf(grant)]
  const start = new Date(grant.issued_at)
  const wide = (cells: readonly string[]) => Math.max(0, ...cells.map(({ length }) => length))
  const width = wide(moments.map(({ what }) => what))
  const places = moments.map(({ index }) => (index === undefined ? '' : `#${index}`))
  return moments
    .map(({ time, what, text, index }, at) => {
      const place = (places[at] ?? '').padEnd(wide(places))
      const clock = `${time.toISOString().slice(11, 19)}  +${between(start, time).padEnd(5)}`
      const line = `  ${clock}  ${place} ${mark(cli, index)} ${what.padEnd(width)}  ${text}`
      return `${printable(line).replaceAll('\n', '\\n').trimEnd()}\n`
    })
    .join('')
}

function entryOf({ index, entry: text }: LogReceiptOutput['receipts'][number]): Moment[] {
  const entry = parseEntryBytes(Buffer.from(text, 'utf8'))
  if (typeof entry === 'string') return []
  return [{ time: new Date(entry.time), what: entry.kind, text: entryText(entry), index }]
}

/** A grant that ended says so in an entry; another one ends by the clock. */
function endOf({ status, expires_at }: z.infer<typeof grantShowOutput>): Moment[] {
  if (status === 'ended') return []
  const what = status === 'live' ? 'expires' : 'expired'
  return [{ time: new Date(expires_at), what, text: '' }]
}

function mark(cli: Cli, index: number | undefined): string {
  if (isFancy(cli)) return index === undefined ? '○' : '●'
  return index === undefined ? '-' : '*'
}
