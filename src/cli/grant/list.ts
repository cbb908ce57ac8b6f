import type { z } from 'zod'
import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { grantListOutput } from '../output/grant.ts'
import { answer, isFancy, note, table } from '../terminal.ts'
import { between } from './duration.ts'
import { watch } from './watch.ts'

type Flags = BrokerFlag &
  OutputFlag & {
    readonly live: boolean
    readonly scope?: string
    readonly env?: string
    readonly before?: string
    readonly watch: boolean
  }

/** `credctl grant list`: the caller's own grants; everybody's for operators and auditors. */
export default async function list(cli: Cli, flags: Flags): Promise<number> {
  const ask = async () =>
    await callBroker(cli, flags, {
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
  if (flags.watch) {
    await watch(cli, flags, { ask, text: ({ grants }, now) => text(cli, grants, now) })
  }
  const value = await ask()
  answer(cli, flags, value, ({ grants }) => text(cli, grants))
  if (value.next !== undefined) note(cli, `there are older ones: --before ${value.next}`)
  return EXIT.ok
}

type Grants = z.infer<typeof grantListOutput>['grants']

/** Whoever watches on a terminal sees the time that is left; programs see when it ends. */
function text(cli: Cli, grants: Grants, now?: Date): string {
  const isCountdown = now !== undefined && isFancy(cli)
  const end = (grant: Grants[number]) => {
    if (!isCountdown) return grant.expires_at
    return grant.status === 'live' ? between(now, new Date(grant.expires_at)) : ''
  }
  return table(
    cli,
    [
      'GRANT',
      'STATUS',
      'SCOPE',
      'ENVIRONMENT',
      'CALLER',
      isCountdown ? 'LEFT' : 'EXPIRES',
      'INTENT',
    ],
    grants.map((grant) => [
      grant.id,
      grant.status,
      grant.scope,
      grant.environment,
      `${grant.caller.class} ${grant.caller.subject}`,
      end(grant),
      shortened(cli, grant.intent),
    ]),
  )
}

function shortened(cli: Cli, text: string): string {
  const characters = [...text]
  if (characters.length <= 60) return text
  return isFancy(cli)
    ? `${characters.slice(0, 59).join('')}…`
    : `${characters.slice(0, 57).join('')}...`
}
