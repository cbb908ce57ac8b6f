import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { logReceiptOutput } from '../output/log.ts'
import { answer } from '../terminal.ts'

/** `credctl log receipt GRANT`: proofs that its entries are in the log, to keep. */
export default async function receipt(
  cli: Cli,
  flags: BrokerFlag & OutputFlag,
  id: string,
): Promise<number> {
  const path = `/v1/grants/${encodeURIComponent(id)}/receipts`
  const value = await callBroker(cli, flags, { method: 'GET', path, answer: logReceiptOutput })
  // A receipt is for machines: people keep the JSON too.
  answer(cli, flags, value, (list) => `${JSON.stringify(list, null, 2)}\n`)
  return EXIT.ok
}
