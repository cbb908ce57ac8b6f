import type { z } from 'zod'
import { ask } from '../../client/connection.ts'
import { CredctlError } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import type { BrokerFlag } from '../flags.ts'
import { brokerUrl } from './address.ts'
import { connectionTo } from './grant.ts'
import { identityToken } from './identity.ts'

/**
 * One call of the broker's API as the caller that the flags name. The answer is what the contract
 * says, without anything that a newer broker adds.
 */
export async function callBroker<S extends z.ZodType>(
  cli: Cli,
  flags: BrokerFlag,
  call: {
    readonly method: 'GET' | 'DELETE' | 'POST'
    readonly path: string
    readonly query?: Readonly<Record<string, string | undefined>>
    readonly json?: unknown
    readonly answer: S
  },
): Promise<z.output<S>> {
  const broker = brokerUrl(cli, flags)
  const token = { kind: 'identity', value: await identityToken(cli, flags, broker) } as const
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) query.set(name, value)
  }
  const path = query.size === 0 ? call.path : `${call.path}?${query}`
  const made = { method: call.method, path, token, json: call.json }
  const answer = await ask(connectionTo(broker), made, 'the answer')
  const parsed = call.answer.safeParse(answer.raw())
  if (parsed.success) return parsed.data
  const where = parsed.error.issues[0]?.path.join('.') ?? ''
  throw new CredctlError('unavailable', `the answer of ${broker} has no usable ${where}`)
}
