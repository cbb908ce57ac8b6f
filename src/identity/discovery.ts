import { CredctlError } from '../errors.ts'
import { type Download, downloadJson } from './download.ts'
import { isExactUrl } from './exact-url.ts'

/**
 * Finds an issuer's key set by OpenID Connect Discovery 1.0 section 4. The document must name the
 * configured issuer byte for byte (section 4.3), and its key URL is held to the same form as one an
 * operator writes. Error: `issuer_keys_unavailable`.
 */
export async function discoverKeyUrl(issuer: string, download: Download): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const { body } = await downloadJson(url, download)
  const { issuer: named, jwks_uri: keyUrl } = body
  if (named !== issuer) throw refused(issuer, 'names another issuer')
  if (typeof keyUrl !== 'string' || !isExactUrl(stripQuery(keyUrl))) {
    throw refused(issuer, 'names no acceptable key URL')
  }
  if (!isReachable(new URL(keyUrl), new URL(issuer))) {
    throw refused(issuer, 'names a key URL at an address instead of a host')
  }
  return keyUrl
}

/** Some providers serve several key sets from one path and tell them apart by a query. */
function stripQuery(url: string): string {
  return url.replace(/\?[^#]*$/, '')
}

/** A document may move its keys to another host of the internet, not to an address inside ours. */
function isReachable(keys: URL, issuer: URL): boolean {
  if (keys.host === issuer.host) return keys.protocol === issuer.protocol
  return /[a-z]$/i.test(keys.hostname) && !/(^|\.)localhost$/.test(keys.hostname)
}

function refused(issuer: string, problem: string): CredctlError {
  return new CredctlError(
    'issuer_keys_unavailable',
    `the discovery document of ${issuer} ${problem}`,
  )
}
