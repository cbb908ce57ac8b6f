import { CredctlError } from '../../errors.ts'

interface Explanation {
  readonly code: 'target_unavailable' | 'target_refused'
  readonly message: string
  readonly hint: string
}

const THROTTLED: Explanation = {
  code: 'target_unavailable',
  message: 'AWS STS is throttling this account',
  hint: 'try again in a few seconds',
}

const BROKER_CREDENTIALS: Explanation = {
  code: 'target_unavailable',
  message: "the broker's own AWS credentials are missing, expired or not accepted",
  hint: 'an operator must restore them; credctl doctor aws tells which',
}

/** What AWS STS answers with, by error name without `Exception`, in words a caller may read. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  AccessDenied: {
    code: 'target_refused',
    message: 'AWS STS does not let the broker assume the role of this target',
    hint: 'the role must trust the broker for sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity, and for this class of caller; credctl doctor aws tells which is missing',
  },
  PackedPolicyTooLarge: {
    code: 'target_refused',
    message: 'the session policy and its tags are larger than AWS STS accepts',
    hint: 'split the scope',
  },
  MalformedPolicyDocument: {
    code: 'target_refused',
    message: 'AWS STS does not accept the session policy',
    hint: 'report this scope: credctl compiled it',
  },
  RegionDisabled: {
    code: 'target_refused',
    message: "AWS STS is not active in this target's region",
    hint: 'an administrator of the account must activate STS there',
  },
  ValidationError: {
    code: 'target_refused',
    message: 'AWS STS does not accept the request',
    hint: 'credctl doctor aws checks the role',
  },
  Throttling: THROTTLED,
  ThrottlingException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  TooManyRequestsException: THROTTLED,
  ExpiredToken: BROKER_CREDENTIALS,
  InvalidClientTokenId: BROKER_CREDENTIALS,
  UnrecognizedClient: BROKER_CREDENTIALS,
  SignatureDoesNotMatch: BROKER_CREDENTIALS,
  IncompleteSignature: BROKER_CREDENTIALS,
  CredentialsProviderError: BROKER_CREDENTIALS,
}

const DURATION: Explanation = {
  code: 'target_refused',
  message: 'the scope asks for longer sessions than the role allows',
  hint: "raise the role's maximum session duration, or lower the scope's ttl",
}

const CHAINED: Explanation = {
  code: 'target_refused',
  message: 'the broker is itself an assumed role, so its sessions last at most one hour',
  hint: "give the broker credentials that are not chained, or lower the scope's ttl to 1h",
}

const UNREACHABLE: Explanation = {
  code: 'target_unavailable',
  message: 'AWS STS did not answer',
  hint: 'try again',
}

/** An error of the SDK as one of ours. AWS's own text names ARNs, so it stays in the cause. */
export function explain(cause: unknown): CredctlError {
  const { code, message, hint } = explanationOf(cause)
  return new CredctlError(code, message, { hint, cause })
}

function explanationOf(cause: unknown): Explanation {
  if (!(cause instanceof Error)) return UNREACHABLE
  if (cause.name === 'ValidationError' && /DurationSeconds/.test(cause.message)) {
    return /chain/i.test(cause.message) ? CHAINED : DURATION
  }
  return EXPLANATIONS[cause.name] ?? EXPLANATIONS[stem(cause.name)] ?? UNREACHABLE
}

function stem(name: string): string {
  return name.replace(/Exception$/, '')
}

/** Worth another attempt: throttling, a broken connection, an error on AWS's side. */
export function isTransient(cause: unknown): boolean {
  const { code } = explanationOf(cause)
  return code === 'target_unavailable' && explanationOf(cause) !== BROKER_CREDENTIALS
}
