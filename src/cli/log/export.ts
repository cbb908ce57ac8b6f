import type { ExportFormat } from '../../config/exports.ts'
import { CredctlError } from '../../errors.ts'
import { exportLog } from '../../ledger/verify.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { answer, note } from '../terminal.ts'
import type { EventFlags } from './export-events.ts'
import { openSource } from './source.ts'

type Flags = Pick<BrokerFlag, 'broker'> &
  OutputFlag &
  EventFlags & { readonly format: ExportFormat | 'tiles' }

/**
 * `credctl log export [SOURCE]`: a copy of the log that verifies without the broker, or its entries
 * in a form that others read.
 */
export default async function exportCommand(
  cli: Cli,
  flags: Flags,
  source?: string,
): Promise<number> {
  const { format } = flags
  if (format === 'tiles') return await exportCopy(cli, flags, source)
  const { exportEvents } = await import('./export-events.ts')
  const done = await exportEvents(cli, format, flags, openSource(cli, flags, source))
  // Without a file, the entries are the answer.
  if (flags.to === undefined) note(cli, `${done.entries} entries, next is ${done.next}`)
  else answer(cli, flags, { file: flags.to, format, ...done }, text)
  return EXIT.ok
}

async function exportCopy(cli: Cli, flags: Flags, source?: string): Promise<number> {
  const { to, cursor } = flags
  if (to === undefined || cursor !== undefined) {
    throw new CredctlError('usage', 'a copy of the log is a directory', {
      hint: 'Use --to DIR alone, or --format jsonl, cloudevents, ocsf or dsse.',
    })
  }
  const entries = await exportLog(openSource(cli, flags, source), to)
  const value = { directory: to, entries }
  answer(cli, flags, value, () => `${entries} entries are in ${to}\n`)
  return EXIT.ok
}

function text({ file, entries, next }: { file: string; entries: number; next: number }): string {
  return `${entries} entries were added to ${file}, next is ${next}\n`
}
