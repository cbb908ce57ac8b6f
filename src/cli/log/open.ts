import { CredctlError } from '../../errors.ts'
import { type Committed, isOpening } from '../../ledger/commitment.ts'
import type { LogReader } from '../../ledger/verify.ts'
import { eventsFrom, headOf } from '../../publish/export/read.ts'
import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { type LogOpenOutput, openingList } from '../output/log.ts'
import { answer, printable } from '../terminal.ts'
import { openSource } from './source.ts'

/**
 * `credctl log open INDEX`: the values that an entry commits to, each proven against the entry
 * itself. What was erased is named as such.
 */
export default async function openEntry(
  cli: Cli,
  flags: BrokerFlag & OutputFlag,
  index: number,
): Promise<number> {
  const { grant, committed } = await entryAt(openSource(cli, flags, undefined), index)
  const path = `/v1/grants/${grant}/openings`
  const { openings } = await callBroker(cli, flags, { method: 'GET', path, answer: openingList })
  const values = Object.entries(committed).map(([at, commitment]) => {
    const found = openings.find((each) => each.at === at && each.commitment === commitment)
    if (found === undefined) return { at, erased: true } as const
    const opening = { ...found, commitment, salt: Buffer.from(found.salt, 'base64') }
    if (isOpening(opening)) return { at, value: found.value }
    throw new CredctlError('log_invalid', `what the broker says of ${at} is not in the entry`, {
      hint: 'The value or the entry was changed: credctl log verify.',
    })
  })
  answer(cli, flags, { index, grant, values }, text)
  return EXIT.ok
}

async function entryAt(
  reader: LogReader,
  index: number,
): Promise<{ grant: string; committed: Committed }> {
  const head = await headOf(reader)
  if (index >= head.size) throw new CredctlError('not_found', `there is no entry ${index}`)
  for await (const { entry } of eventsFrom(reader, index, head)) {
    if (entry.kind === 'grant.decided' && entry.committed !== undefined) {
      return { grant: entry.grant, committed: entry.committed }
    }
    break
  }
  throw new CredctlError('not_found', `entry ${index} commits to nothing`)
}

function text({ values }: LogOpenOutput): string {
  return values
    .map((each) => {
      const shown = 'erased' in each ? 'erased' : JSON.stringify(each.value)
      return `${printable(`${each.at}: ${shown}`).replaceAll('\n', '\\n')}\n`
    })
    .join('')
}
