import { allowInsecureRequests, type Configuration, discovery, None } from 'openid-client'
import { CredctlError } from '../../errors.ts'
import { answered, type LoginWish } from '../../identity/openid.ts'
import { isSafe } from '../broker/address.ts'

/** How to ask an identity provider who somebody is. */
export interface Question extends LoginWish {
  readonly issuer: string
  readonly clientId: string
}

/** An answer that fits in a few seconds or is none. */
const TIMEOUT_S = 15

/** Reads the provider's discovery document. Errors: `usage`, `unavailable`. */
export async function discoverProvider({ issuer, clientId }: Question): Promise<Configuration> {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (url === undefined || !isSafe(url)) {
    throw new CredctlError('usage', 'this issuer is not accepted', {
      hint: 'Use https://host/path, or http:// on a loopback address; without user, query or fragment.',
    })
  }
  const execute = url.protocol === 'http:' ? [allowInsecureRequests] : []
  return await answered(() =>
    discovery(url, clientId, undefined, None(), { execute, timeout: TIMEOUT_S }),
  )
}
