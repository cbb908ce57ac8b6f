import { byLine, type Format } from './export.ts'

/** As `credctl log show --output json` prints them: the entry itself, and where it stands. */
export const jsonl: Format = {
  type: 'application/x-ndjson',
  line: ({ origin, index, entry }) => JSON.stringify({ origin, index, entry }),
  body: byLine,
}
