import { isIPv4 } from 'node:net'

/** Is this host on the same machine, whatever a resolver says? Brackets of IPv6 are ignored. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'))
}
