import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { TokenError } from '../contract.ts'
import type { CredctlError, ErrorCode } from '../errors.ts'
import { STATUS } from './problem.ts'

/** RFC 6749 §5.2 and the specifications it was extended by, as one closed set. */
export type OAuthErrorName =
  | 'invalid_request'
  | 'invalid_grant'
  | 'invalid_client'
  | 'authorization_pending'
  | 'slow_down'
  | 'expired_token'
  | 'invalid_target'
  | 'invalid_authorization_details'
  | 'unsupported_grant_type'
  | 'access_denied'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'temporarily_unavailable'
  | 'server_error'

const NAMES: Partial<Record<ErrorCode, OAuthErrorName>> = {
  access_denied: 'access_denied',
  approval_required: 'access_denied',
  caller_unclassified: 'access_denied',
  caller_not_permitted: 'access_denied',
  proof_invalid: 'invalid_dpop_proof',
  proof_nonce_required: 'use_dpop_nonce',
  limit_reached: 'access_denied',
  rate_limited: 'temporarily_unavailable',
}

/**
 * `/token` answers in OAuth's own words. RFC 8693 §2.2.2 calls a bad `subject_token`
 * `invalid_request`, RFC 7523 §3.1 calls a bad `assertion` `invalid_grant`.
 */
export function oauthErrorOf(
  error: CredctlError,
  request: string,
  badToken: 'invalid_request' | 'invalid_grant' | 'invalid_client',
): { status: ContentfulStatusCode; body: TokenError } {
  const status = STATUS[error.code]
  const name =
    status >= 500
      ? status === 503
        ? 'temporarily_unavailable'
        : 'server_error'
      : (NAMES[error.code] ?? (error.code.startsWith('token_') ? badToken : 'invalid_request'))
  return {
    status: status === 401 || status === 403 ? 400 : status,
    body: {
      error: name,
      ...(status < 500 ? { error_description: describe(error) } : {}),
      code: error.code,
      request,
    },
  }
}

/** RFC 6749 allows %x20-21 / %x23-5B / %x5D-7E in a description: no quotes, no backslashes. */
export function describe(error: { readonly message: string; readonly hint?: string | undefined }) {
  const text = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`
  return text.replaceAll(/["\\]/g, "'").replaceAll(/[^\x20-\x7e]/g, '?')
}
