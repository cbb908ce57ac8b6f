import type { z } from 'zod'
import { callBroker } from '../broker/api.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { approvalShowOutput, approvalVerdictOutput } from '../output/approval.ts'
import { answer, note, printable } from '../terminal.ts'
import { requestText } from './request-text.ts'

type Flags = BrokerFlag &
  OutputFlag & {
    readonly reason?: string
    readonly group?: string
    readonly plan?: string
  }

/** `credctl approval approve ID…`: fails unless every one of them was recorded. */
export async function approve(cli: Cli, flags: Flags, ...ids: string[]): Promise<number> {
  return await decide(cli, flags, 'approve', ids)
}

/** `credctl approval deny ID…` */
export async function deny(cli: Cli, flags: Flags, ...ids: string[]): Promise<number> {
  return await decide(cli, flags, 'deny', ids)
}

async function decide(
  cli: Cli,
  flags: Flags,
  verdict: 'approve' | 'deny',
  ids: readonly string[],
): Promise<number> {
  const requests: object[] = []
  for (const id of ids) requests.push(await aboutOne(cli, flags, id))
  const { reason } = flags
  const json = { verdict, requests, ...(reason === undefined ? {} : { reason }) }
  const value = await callBroker(cli, flags, {
    method: 'POST',
    path: '/v1/approvals',
    json,
    answer: approvalVerdictOutput,
  })
  answer(cli, flags, value, text)
  return value.results.every(({ status }) => status !== undefined) ? EXIT.ok : EXIT.failed
}

/** What is decided is what was shown: here, or where the digest was taken from. */
async function aboutOne(cli: Cli, flags: Flags, id: string) {
  const { plan: given, group } = flags
  const more = group === undefined ? {} : { group }
  if (given !== undefined) return { id, plan: given, ...more }
  const path = `/v1/approvals/${encodeURIComponent(id)}`
  const shown = await callBroker(cli, flags, { method: 'GET', path, answer: approvalShowOutput })
  note(cli, `about\n${requestText(cli, shown)}`)
  return { id: shown.id, plan: shown.plan, ...more }
}

function text({ results }: z.infer<typeof approvalVerdictOutput>): string {
  const lines = results.map(({ id, status, code, detail }) => {
    if (status === undefined) return `${id}: not recorded (${code ?? ''}): ${detail ?? ''}`
    return status === 'pending' ? `${id}: recorded; others must agree too` : `${id}: ${status}`
  })
  return lines.map((line) => `${printable(line)}\n`).join('')
}
