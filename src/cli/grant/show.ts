import type { z } from 'zod'
import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { grantShowOutput } from '../output/grant.ts'
import { logReceiptOutput } from '../output/log.ts'
import { answer, heading, printable } from '../terminal.ts'
import { timeline } from './timeline.ts'

/** `credctl grant show ID`: who, what for, and every entry of it in the log. No secret is in it. */
export default async function show(
  cli: Cli,
  flags: BrokerFlag & OutputFlag,
  id: string,
): Promise<number> {
  const path = `/v1/grants/${encodeURIComponent(id)}`
  const value = await callBroker(cli, flags, { method: 'GET', path, answer: grantShowOutput })
  if (flags.output === 'json') {
    answer(cli, flags, value, () => '')
    return EXIT.ok
  }
  const receipts = await callBroker(cli, flags, {
    method: 'GET',
    path: `${path}/receipts`,
    answer: logReceiptOutput,
  })
  answer(cli, flags, value, (grant) => `${text(cli, grant)}\n${timeline(cli, grant, receipts)}`)
  return EXIT.ok
}

function text(cli: Cli, grant: z.infer<typeof grantShowOutput>): string {
  const { caller } = grant
  const lines = [
    `status       ${grant.status}`,
    `scope        ${grant.scope} (${grant.scope_digest})`,
    `environment  ${grant.environment}`,
    ...Object.entries(grant.parameters).map(([name, value]) => `parameter    ${name}=${value}`),
    `caller       ${caller.class} ${caller.subject} of ${caller.issuer}`,
    `intent       ${grant.intent.replaceAll('\n', ' ')}`,
    `plan         ${grant.plan}`,
    `issued       ${grant.issued_at}`,
    `expires      ${grant.expires_at}`,
  ]
  return `${heading(cli, grant.id)}\n${lines.map((line) => `  ${printable(line)}\n`).join('')}`
}
