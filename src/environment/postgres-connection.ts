import { isIP, isIPv6 } from 'node:net'
import { z } from 'zod'
import { refuse } from '../document/fields.ts'
import { secretReference } from '../secret/reference.ts'
import { isLoopback } from './loopback.ts'

/** Labels of letters, digits, `-` and `_`; what ends in a number would be an address (WHATWG URL). */
const NAME = /^(?!-)[\w-]+(\.[\w-]+)*\.?$/
const ENDS_IN_NUMBER = /(^|\.)(\d+|0x[0-9a-f]*)\.?$/i

const host = z
  .string()
  .max(253)
  .superRefine((text, context) => {
    if (isIP(text) !== 0 ? !text.includes('%') : NAME.test(text) && !ENDS_IN_NUMBER.test(text))
      return
    const expected = 'a host name, or an IP address without brackets'
    refuse(context, 'not a host', { expected })
  })

/** How to reach a PostgreSQL server; shared by targets and by the ledger's own database. */
export const postgresConnection = {
  host,
  port: z.int().min(1).max(65535).default(5432),
  database: z.string().min(1).max(63),
  /** `disable` is accepted for loopback hosts only. */
  tls: z.enum(['verify-full', 'disable']).default('verify-full'),
  /** PEM of the authority that signed the server's certificate; Node's own list when absent. */
  ca: secretReference.optional(),
}

/** Passwords and rows cross the network in the clear without TLS: only loopback may do so. */
export function tlsOnlyOffOnLoopback(
  connection: { host: string; tls: 'verify-full' | 'disable' },
  context: z.core.$RefinementCtx,
): void {
  if (connection.tls === 'verify-full' || isLoopback(connection.host)) return
  const expected = 'verify-full, or a loopback host'
  refuse(context, 'tls: disable is accepted on loopback only', { path: ['tls'], expected })
}

/** One spelling for the many of one host. Names that DNS leads to one place stay different. */
export function canonicalHost(host: string): string {
  const name = host.toLowerCase().replace(/\.$/, '')
  const address = isIPv6(name) ? shortIPv6(name) : name
  return isLoopback(address) ? 'localhost' : address
}

/** The form of RFC 5952; an IPv4 address mapped into IPv6 is that IPv4 address. */
function shortIPv6(address: string): string {
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short) ?? []
  if (high === undefined || low === undefined) return short
  const bytes = [high, low].flatMap((part) => [parseInt(part, 16) >> 8, parseInt(part, 16) & 255])
  return bytes.join('.')
}
