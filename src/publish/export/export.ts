import type { Entry } from '../../ledger/entry.ts'

/** An entry on its way out of the log. Origin and index name it for ever. */
export interface LogEvent {
  readonly origin: string
  readonly index: number
  /** The exact bytes under the log's hash. */
  readonly bytes: Uint8Array
  readonly entry: Entry
}

/** A form that somebody else reads. Pure: the same event gives the same text every time. */
export interface Format {
  /** Media type of a batch. */
  readonly type: string
  /** One event as JSON on one line. */
  line(event: LogEvent): string
  /** Several lines in one body. */
  body(lines: readonly string[]): string
}

/** Where an export goes on. Saved only after the receiver has what stands before it. */
export interface Cursor {
  /** Index of the next entry to send. Undefined while somebody else is at it. */
  load(): Promise<number | undefined>
  save(next: number): Promise<void>
}

/** Takes a batch. Resolves when the receiver has it, so that it need not be sent again. */
export type Send = (batch: { readonly type: string; readonly body: string }) => Promise<void>

/** RFC 7464 without its separators: one JSON text a line. */
export function byLine(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
