import { z } from 'zod'
import { refuse } from '../document/fields.ts'
import { secretReference } from '../secret/reference.ts'

/** How to reach a PostgreSQL server; shared by targets and by the ledger's own database. */
export const postgresConnection = {
  host: z.string().min(1).max(253),
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

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}
