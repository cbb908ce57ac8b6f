import type { z } from 'zod'
import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { grantListOutput } from '../output/grant.ts'
import { answer, note, table } from '../terminal.ts'

type Flags = BrokerFlag &
  OutputFlag & {
    readonly live: boolean
    readonly scope?: string
    readonly env?: string
    readonly before?: string
  }

/** `credctl grant list`: the caller's own grants; everybody's for operators and auditors. */
export default async function list(cli: Cli, flags: Flags): Promise<number> {
  const value = await callBroker(cli, flags, {
    method: 'GET',
    path: '/v1/grants',
    query: {
      live: flags.live ? 'true' : undefined,
      scope: flags.scope,
      environment: flags.env,
      before: flags.before,
    },
    answer: grantListOutput,
  })
  answer(cli, flags, value, ({ grants }) => text(cli, grants))
  if (value.next !== undefined) note(cli, `there are older ones: --before ${value.next}`)
  return EXIT.ok
}

type Grants = z.infer<typeof grantListOutput>['grants']

function text(cli: Cli, grants: Grants): string {
  return table(
    cli,
    ['GRANT', 'STATUS', 'SCOPE', 'ENVIRONMENT', 'CALLER', 'EXPIRES', 'INTENT'],
    grants.map((grant) => [
      grant.id,
      grant.status,
      grant.scope,
      grant.environment,
      `${grant.caller.class} ${grant.caller.subject}`,
      grant.expires_at,
      shortened(grant.intent),
    ]),
  )
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
