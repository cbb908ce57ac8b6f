import type { Entry } from '../../ledger/entry.ts'
import type { Format } from './export.ts'

/**
 * CloudEvents 1.0.2, JSON format and its batches (`application/cloudevents-batch+json`). `source`
 * and `id` together are unique, and the same whenever an entry is sent: receivers drop duplicates
 * by them.
 */
export const cloudevents: Format = {
  type: 'application/cloudevents-batch+json',
  line: ({ origin, index, entry }) =>
    JSON.stringify({
      specversion: '1.0',
      id: String(index),
      source: `https://${origin}`,
      type: `credctl.${entry.kind}`,
      time: entry.time,
      ...subject(entry),
      datacontenttype: 'application/json',
      data: entry,
    }),
  body: (lines) => `[${lines.join(',\n')}]`,
}

/** What the event is about, where it is about one grant. */
function subject(entry: Entry): { readonly subject?: string } {
  return 'grant' in entry ? { subject: entry.grant } : {}
}
