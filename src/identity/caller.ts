import type { StepUp } from './step-up.ts'

/** Who may ask, least trusted first: when several rules match, the first of these wins. */
export const CALLER_CLASSES = ['agent', 'local', 'workload', 'ci', 'human'] as const
export type CallerClass = (typeof CALLER_CLASSES)[number]

export const ROLES = ['operator', 'approver', 'auditor'] as const
export type Role = (typeof ROLES)[number]

/** A claim as an issuer signed it. Anything deeper is flattened to `outer/inner` keys. */
export type ClaimValue = string | number | boolean | readonly string[]
export type Claims = Readonly<Record<string, ClaimValue>>

/** Someone a caller acts through (RFC 8693 section 4.1). The outermost is the one acting now. */
export interface Actor {
  readonly iss?: string
  readonly sub: string
  readonly act?: Actor
}

/** An authenticated identity. Only `identity/` makes one, from a verified token. */
export interface Caller {
  readonly class: CallerClass
  /** The issuer's name in `credctl.yaml`, not its URL. */
  readonly issuer: string
  /** The token's `sub`, verbatim: compared, recorded, never parsed. */
  readonly subject: string
  readonly claims: Claims
  /** Only ever set for class `human`. */
  readonly roles: readonly Role[]
  /** What the login must be like before the roles reach what belongs to others. */
  readonly stepUp?: readonly StepUp[]
  /** Who acts for the subject, when it is not the subject itself. */
  readonly actor?: Actor
  /** `sha256:…` of the token, so that an entry names the token without holding it. */
  readonly token: string
}
