/**
 * Every way credctl refuses or fails, as one closed union. A code is stable: clients and dashboards
 * match on it, the API maps each one to a status in an exhaustive table, `docs/errors.md` lists them.
 */
export const ERROR_CODES = [
  // files an operator or scope author wrote
  'config_invalid',
  'scopes_invalid',
  'secret_unresolvable',
  // who is asking
  'token_missing',
  'token_malformed',
  'token_type_refused',
  'token_header_refused',
  'token_issuer_unknown',
  'token_algorithm_refused',
  'token_signature_invalid',
  'token_audience_mismatch',
  'token_expired',
  'token_not_yet_valid',
  'token_lifetime_too_long',
  'token_claim_missing',
  'token_claim_invalid',
  'token_replayed',
  'token_revoked',
  'proof_invalid',
  'proof_nonce_required',
  'authentication_insufficient',
  'issuer_keys_unavailable',
  'caller_unclassified',
  'caller_not_permitted',
  // what is asked
  'request_invalid',
  'request_too_large',
  'media_type_unsupported',
  'not_found',
  'rate_limited',
  'access_denied',
  'limit_reached',
  // approvals
  'approval_required',
  'approval_not_found',
  'approval_settled',
  'approval_not_yours',
  // grants and credentials
  'grant_not_found',
  'grant_ended',
  'plan_changed',
  'target_unknown',
  'target_unavailable',
  'target_refused',
  'revocation_incomplete',
  // the log
  'ledger_unavailable',
  'ledger_diverged',
  'ledger_not_migrated',
  'log_invalid',
  // the rest
  'unavailable',
  'usage',
  'internal',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/**
 * The one error class. `message` is written for the caller and never holds a secret; `cause` is
 * for the operator's log and never leaves the process.
 */
export class CredctlError extends Error {
  readonly code: ErrorCode
  /** What would be accepted, or what to do next, as one sentence. */
  readonly hint: string | undefined
  /** Seconds after which it makes sense to try again, where that is known. */
  readonly retryAfter: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; retryAfter?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CredctlError'
    this.code = code
    this.hint = options.hint
    this.retryAfter = options.retryAfter
  }
}

/** True for any of ours with one of the given codes (or any code when none is given). */
export function isCredctlError(error: unknown, ...codes: ErrorCode[]): error is CredctlError {
  return error instanceof CredctlError && (codes.length === 0 || codes.includes(error.code))
}
