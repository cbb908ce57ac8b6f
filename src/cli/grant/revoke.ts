import type { z } from 'zod'
import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { grantRevokeOutput } from '../output/grant.ts'
import { answer, note, printable } from '../terminal.ts'

/** `credctl grant revoke ID`: fails while a target still accepts what should be gone. */
export default async function revoke(
  cli: Cli,
  flags: BrokerFlag & OutputFlag,
  id: string,
): Promise<number> {
  note(cli, `ending grant ${id} and its credentials`)
  const path = `/v1/grants/${encodeURIComponent(id)}`
  const value = await callBroker(cli, flags, { method: 'DELETE', path, answer: grantRevokeOutput })
  answer(cli, flags, value, text)
  const isPending = value.revocations.some(({ outcome }) => outcome === 'pending')
  return isPending ? EXIT.failed : EXIT.ok
}

function text({ id, revocations }: z.infer<typeof grantRevokeOutput>): string {
  const lines = revocations.map(({ target, outcome, expires_at: at, code }) => {
    if (outcome === 'gone') return `  ${target}: gone`
    if (outcome === 'denied') return `  ${target}: denied; AWS may take minutes to hold to it`
    if (outcome === 'expires') return `  ${target}: cannot be ended before ${at ?? 'it expires'}`
    return `  ${target}: not finished${code === undefined ? '' : ` (${code})`}; the broker keeps trying`
  })
  return [`${id} has ended`, ...lines].map((line) => `${printable(line)}\n`).join('')
}
