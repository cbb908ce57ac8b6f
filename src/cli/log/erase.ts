import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { logEraseOutput } from '../output/log.ts'
import { answer } from '../terminal.ts'

/** `credctl log erase GRANT`: nobody reads the values behind its commitments again. */
export default async function erase(
  cli: Cli,
  flags: BrokerFlag & OutputFlag,
  id: string,
): Promise<number> {
  const path = `/v1/grants/${encodeURIComponent(id)}/openings`
  const value = await callBroker(cli, flags, { method: 'DELETE', path, answer: logEraseOutput })
  answer(cli, flags, value, ({ erased }) => `${erased} values can no longer be read\n`)
  return EXIT.ok
}
