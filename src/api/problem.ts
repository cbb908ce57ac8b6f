import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ProblemDocument } from '../contract.ts'
import { CredctlError, type ErrorCode } from '../errors.ts'

/** The one boundary from error code to status: a code without a status does not compile. */
export const STATUS: Readonly<Record<ErrorCode, ContentfulStatusCode>> = {
  config_invalid: 500,
  scopes_invalid: 500,
  secret_unresolvable: 503,
  token_missing: 401,
  token_malformed: 401,
  token_type_refused: 401,
  token_issuer_unknown: 401,
  token_algorithm_refused: 401,
  token_signature_invalid: 401,
  token_audience_mismatch: 401,
  token_expired: 401,
  token_not_yet_valid: 401,
  token_lifetime_too_long: 401,
  token_claim_missing: 401,
  token_claim_invalid: 401,
  token_header_refused: 401,
  token_replayed: 401,
  token_revoked: 401,
  proof_invalid: 401,
  proof_nonce_required: 401,
  authentication_insufficient: 401,
  issuer_keys_unavailable: 503,
  caller_unclassified: 403,
  caller_not_permitted: 403,
  request_invalid: 400,
  request_too_large: 413,
  media_type_unsupported: 415,
  not_found: 404,
  rate_limited: 429,
  access_denied: 403,
  limit_reached: 429,
  approval_required: 403,
  approval_not_found: 404,
  approval_settled: 409,
  approval_not_yours: 403,
  grant_not_found: 404,
  grant_ended: 410,
  plan_changed: 409,
  target_unknown: 404,
  target_unavailable: 503,
  target_refused: 502,
  revocation_incomplete: 503,
  ledger_unavailable: 503,
  ledger_diverged: 500,
  ledger_not_migrated: 503,
  log_invalid: 500,
  unavailable: 503,
  usage: 400,
  internal: 500,
}

/** Anything thrown, as one of ours: what we do not know is `internal` and says nothing. */
export function asCredctlError(error: unknown): CredctlError {
  if (error instanceof CredctlError) return error
  return new CredctlError('internal', 'something failed inside the broker', { cause: error })
}

/** Statuses from 500 on carry no detail: what failed inside is for the operator's log. */
export function problemOf(error: CredctlError, request: string): ProblemDocument {
  const status = STATUS[error.code]
  const exposed = status < 500
  return {
    type: `urn:credctl:error:${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status,
    code: error.code,
    request,
    ...(exposed ? { detail: error.message } : {}),
    ...(exposed && error.hint !== undefined ? { hint: error.hint } : {}),
  }
}

/** Seconds after which trying again makes sense, for `Retry-After`. */
export function retryAfter(error: CredctlError): string | undefined {
  if (error.retryAfter !== undefined) return String(error.retryAfter)
  const status = STATUS[error.code]
  if (status === 503) return '2'
  return status === 429 ? '10' : undefined
}
