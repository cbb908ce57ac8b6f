import { entryJsonSchema } from '../src/ledger/entry-schema.ts'

/** What an entry of the log looks like, for readers of other languages. */
export function generateLogEntrySchema(): string {
  const head = { title: 'An entry of a credctl log, version 1' }
  return `${JSON.stringify({ ...head, ...entryJsonSchema }, null, 2)}\n`
}
