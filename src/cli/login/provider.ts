import {
  AuthorizationResponseError,
  allowInsecureRequests,
  type Configuration,
  discovery,
  None,
  ResponseBodyError,
} from 'openid-client'
import { CredctlError } from '../../errors.ts'
import { isProtected, isSafe } from '../broker/address.ts'

/** How to ask an identity provider who somebody is. */
export interface Question {
  readonly issuer: string
  readonly clientId: string
  /** Oldest acceptable login in seconds, and kinds of login: what a broker's step-up may ask for. */
  readonly maxAge?: number
  readonly acr?: string
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

/** What goes with every request for a login. */
export function loginParameters({ maxAge, acr }: Question): Record<string, string> {
  return {
    scope: 'openid',
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(acr === undefined ? {} : { acr_values: acr }),
  }
}

/** An address for a person to open: what a provider names may be no file and no script. */
export function requirePage(address: string): string {
  if (URL.canParse(address) && isProtected(new URL(address))) return address
  throw new CredctlError('unavailable', 'the identity provider names a page that is not https')
}

export function requireIdToken({ id_token: token }: { readonly id_token?: string }): string {
  if (token !== undefined) return token
  throw new CredctlError('unavailable', 'the identity provider gave no ID token')
}

/** Errors of the provider and of the library as ours: `access_denied` or `unavailable`. */
export async function answered<T>(attempt: () => T | Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (cause) {
    if (cause instanceof CredctlError) throw cause
    if (cause instanceof AuthorizationResponseError || cause instanceof ResponseBodyError) {
      throw new CredctlError('access_denied', `the sign-in was refused: ${cause.error}`, {
        ...(cause.error_description === undefined ? {} : { hint: cause.error_description }),
        cause,
      })
    }
    const why = cause instanceof Error ? withCause(cause) : 'unknown reason'
    throw new CredctlError(
      'unavailable',
      `the identity provider did not answer as it must: ${why}`,
      {
        cause,
      },
    )
  }
}

/** The library's causes may hold whole answers; their messages do not. */
function withCause({ message, cause }: Error): string {
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
