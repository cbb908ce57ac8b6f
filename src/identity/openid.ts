import { AuthorizationResponseError, ResponseBodyError } from 'openid-client'
import { isLoopback } from '../environment/loopback.ts'
import { CredctlError } from '../errors.ts'

/** What a login must be like: what the step-up of a rule may ask for. */
export interface LoginWish {
  /** Oldest acceptable login in seconds. */
  readonly maxAge?: number
  /** Kinds of login, separated by spaces. */
  readonly acr?: string
  /** What to ask for besides `openid`, separated by spaces: claims that the broker's rules need. */
  readonly scopes?: string
}

/** What goes with every request for a login. */
export function loginParameters({ maxAge, acr, scopes }: LoginWish): Record<string, string> {
  return {
    scope: scopes === undefined ? 'openid' : `openid ${scopes}`,
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(acr === undefined ? {} : { acr_values: acr }),
  }
}

/** An address for a person to open: what a provider names may be no file and no script. */
export function requirePage(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const local = url?.protocol === 'http:' && isLoopback(url.hostname)
  if (url?.protocol === 'https:' || local) return address
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
