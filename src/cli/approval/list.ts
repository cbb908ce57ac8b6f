import type { z } from 'zod'
import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { approvalListOutput } from '../output/approval.ts'
import { answer, note, table } from '../terminal.ts'
import { needsLine } from './request-text.ts'

type Flags = BrokerFlag &
  OutputFlag & {
    readonly status: 'pending' | 'approved' | 'open' | 'all'
    readonly mine: boolean
    readonly scope?: string
    readonly env?: string
    readonly before?: string
  }

/** `credctl approval list`: what waits for people; one's own requests for those without a role. */
export default async function list(cli: Cli, flags: Flags): Promise<number> {
  const value = await callBroker(cli, flags, {
    method: 'GET',
    path: '/v1/approvals',
    query: {
      status: flags.status,
      mine: flags.mine ? 'true' : undefined,
      scope: flags.scope,
      environment: flags.env,
      before: flags.before,
    },
    answer: approvalListOutput,
  })
  answer(cli, flags, value, ({ approvals }) => text(cli, approvals))
  if (value.next !== undefined) note(cli, `there are older ones: --before ${value.next}`)
  return EXIT.ok
}

function text(cli: Cli, approvals: z.infer<typeof approvalListOutput>['approvals']): string {
  return table(
    cli,
    ['REQUEST', 'CODE', 'STATUS', 'SCOPE', 'ENVIRONMENT', 'CALLER', 'NEEDS', 'EXPIRES'],
    approvals.map((each) => [
      each.id,
      each.binding_code,
      each.status,
      each.scope,
      each.environment,
      `${each.caller.class} ${each.caller.subject}`,
      needsLine(each.needs),
      each.expires_at,
    ]),
  )
}
