import type { SessionLimits } from '../../scope/access-postgres.ts'
import type { Secret } from '../../secret/secret.ts'
import type { PostgresCredential } from '../mint.ts'
import { sessionDefaults } from './login.ts'

/** Where a login is for. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly tls: 'verify-full' | 'disable'
}

export interface Login {
  readonly user: string
  readonly password: Secret<string>
  readonly expiresAt: Date
  readonly limits: SessionLimits
}

/** A login in the shape that callers get, whoever made it. */
export function postgresCredential(
  { host, port, database, tls }: Place,
  { user, password: secret, expiresAt, limits }: Login,
): PostgresCredential {
  const password = secret.reveal()
  const sslmode = tls === 'disable' ? 'disable' : 'verify-full'
  const authority = `${user}:${encodeURIComponent(password)}@${uriHost(host)}:${port}`
  const query = `sslmode=${sslmode}&options=${encodeURIComponent(sessionDefaults(limits))}`
  const uri = `postgresql://${authority}/${encodeURIComponent(database)}?${query}`
  return { host, port, database, user, password, sslmode, uri, expires_at: expiresAt.toISOString() }
}

/** IPv6 addresses stand in brackets (RFC 3986, section 3.2.2). */
function uriHost(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
