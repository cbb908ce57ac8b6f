import type { Entry } from '../../../src/ledger/entry.ts'
import type { LogEvent } from '../../../src/publish/export/export.ts'
import { entries } from '../../ledger/entries.ts'
import { bytesOf } from '../../ledger/file-log.ts'

/** An event of each kind of entry. */
export const events: readonly LogEvent[] = (Object.values(entries) as Entry[]).map(
  (entry, index) => ({ origin: 'broker.example/log', index, bytes: bytesOf(entry), entry }),
)

export function eventOf(entry: Entry, index = 0): LogEvent {
  return { origin: 'broker.example/log', index, bytes: bytesOf(entry), entry }
}
