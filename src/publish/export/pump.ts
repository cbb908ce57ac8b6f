import type { LogReader } from '../../ledger/reader.ts'
import type { Cursor, Format, Send } from './export.ts'
import { eventsFrom, headOf } from './read.ts'

/** A receiver gets no more than this at once; one entry may be larger than half of it. */
const BATCH = { lines: 256, bytes: 1024 * 1024 }

export interface Pumped {
  /** Entries that went out just now. */
  readonly sent: number
  /** Index of the next one. */
  readonly next: number
  /** Entries of the log. */
  readonly size: number
}

/**
 * Sends one batch of what the log has after the cursor, then moves the cursor: a process that dies
 * in between sends the batch again, and never leaves one out. Undefined while another process holds
 * the cursor. Errors: those of the reader, the receiver and the cursor.
 */
export async function pump(
  reader: LogReader,
  { format, cursor, send }: { format: Format; cursor: Cursor; send: Send },
): Promise<Pumped | undefined> {
  const first = await cursor.load()
  if (first === undefined) return undefined
  const head = await headOf(reader)
  const lines: string[] = []
  let bytes = 0
  for await (const event of eventsFrom(reader, first, head)) {
    const line = format.line(event)
    bytes += Buffer.byteLength(line) + 1
    if (lines.length > 0 && bytes > BATCH.bytes) break
    lines.push(line)
    if (lines.length === BATCH.lines) break
  }
  const next = first + lines.length
  if (lines.length > 0) {
    await send({ type: format.type, body: format.body(lines) })
    await cursor.save(next)
  }
  return { sent: lines.length, next, size: head.size }
}
