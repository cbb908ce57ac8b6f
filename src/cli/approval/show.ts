import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { approvalShowOutput } from '../output/approval.ts'
import { answer, heading, printable } from '../terminal.ts'
import { requestText } from './request-text.ts'

/** `credctl approval show ID`: who asks for what, the plan in full, and what people said. */
export default async function show(
  cli: Cli,
  flags: BrokerFlag & OutputFlag,
  id: string,
): Promise<number> {
  const path = `/v1/approvals/${encodeURIComponent(id)}`
  const value = await callBroker(cli, flags, { method: 'GET', path, answer: approvalShowOutput })
  answer(cli, flags, value, ({ contents, ...request }) => {
    const targets = Object.entries(contents?.targets ?? {}).map(
      ([name, target]) =>
        `${heading(cli, name)}\n${printable(JSON.stringify(target, null, 2))
          .split('\n')
          .map((line) => `  ${line}\n`)
          .join('')}`,
    )
    return [requestText(cli, request), ...targets].join('\n')
  })
  return EXIT.ok
}
