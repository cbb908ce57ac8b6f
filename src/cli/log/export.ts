import { exportLog } from '../../ledger/verify.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { answer } from '../terminal.ts'
import { openSource } from './source.ts'

type Flags = Pick<BrokerFlag, 'broker'> & OutputFlag & { readonly to: string }

/** `credctl log export [SOURCE] --to DIR`: a copy that verifies without the broker. */
export default async function exportCopy(cli: Cli, flags: Flags, source?: string): Promise<number> {
  const entries = await exportLog(openSource(cli, flags, source), flags.to)
  const value = { directory: flags.to, entries }
  answer(cli, flags, value, () => `${entries} entries are in ${flags.to}\n`)
  return EXIT.ok
}
