import type { z } from 'zod'
import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { grantShowOutput } from '../output/grant.ts'
import { answer, heading, printable } from '../terminal.ts'

/** `credctl grant show ID`: who, what for, what was minted, how it ended. No secret is in it. */
export default async function show(
  cli: Cli,
  flags: BrokerFlag & OutputFlag,
  id: string,
): Promise<number> {
  const path = `/v1/grants/${encodeURIComponent(id)}`
  const value = await callBroker(cli, flags, { method: 'GET', path, answer: grantShowOutput })
  answer(cli, flags, value, (grant) => text(cli, grant))
  return EXIT.ok
}

function text(cli: Cli, grant: z.infer<typeof grantShowOutput>): string {
  const { caller, ended } = grant
  const lines = [
    `status       ${grant.status}`,
    `scope        ${grant.scope} (${grant.scope_digest})`,
    `environment  ${grant.environment}`,
    ...Object.entries(grant.parameters).map(([name, value]) => `parameter    ${name}=${value}`),
    `caller       ${caller.class} ${caller.subject} of ${caller.issuer}`,
    `intent       ${grant.intent.replaceAll('\n', ' ')}`,
    `plan         ${grant.plan}`,
    `${grant.issued_at}  issued`,
    ...grant.credentials.map(
      ({ requested_at, target, status, id }) => `${requested_at}  ${target}: ${status} (${id})`,
    ),
    ...(ended === undefined ? [] : [`${ended.at}  ended: ${ended.cause}`]),
    `${grant.expires_at}  ${grant.status === 'live' ? 'expires' : 'end of its time'}`,
  ]
  return `${heading(cli, grant.id)}\n${lines.map((line) => `  ${printable(line)}\n`).join('')}`
}
