import { isSafe } from '../../client/address.ts'
import { CredctlError } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import type { BrokerFlag } from '../flags.ts'

export { isSafe } from '../../client/address.ts'

/** Where the broker is, without a trailing slash. Tokens never cross a network in the clear. */
export function brokerUrl({ process: { env } }: Cli, flags: BrokerFlag): string {
  const text = flags.broker ?? env['CREDCTL_BROKER']
  if (text === undefined || text === '') {
    throw new CredctlError('usage', 'no broker is named', {
      hint: 'Give --broker URL, or set CREDCTL_BROKER.',
    })
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !isSafe(url)) {
    throw new CredctlError('usage', 'this broker URL is not accepted', {
      hint: 'Use https://host, or http:// on a loopback address; without user, query or fragment.',
    })
  }
  return url.href.replace(/\/+$/, '')
}
