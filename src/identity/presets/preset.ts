import type { Algorithm } from '../algorithms.ts'
import type { CallerClass, Claims } from '../caller.ts'

/** `once`: a token is good for one grant request; its `jti` is remembered until it expires. */
export type ReplayPolicy = 'once' | 'allowed'

/**
 * What is known of one kind of issuer beyond OpenID Connect. A preset only ever narrows what an
 * operator's rules admit: it supplies defaults, refuses, and lowers to `agent`. It admits nobody.
 */
export interface Preset {
  /** Classes that rules for this kind may assign. */
  readonly classes: readonly CallerClass[]
  readonly algorithms: readonly Algorithm[]
  /** Default bound between `iat` and `exp`, in seconds. */
  readonly maxLifetime: number
  readonly replay: ReplayPolicy
  /** Claims of which every rule must name at least one, because others can change hands. */
  readonly anchors: readonly string[]
  /** Values that a claim must have, unless a rule names that claim itself. */
  readonly demands: Readonly<Record<string, readonly string[]>>
  /** Claims that may be lists. Elsewhere a list where a string belongs matches nothing. */
  readonly lists: readonly string[] | 'any'
  /** Claims whose value the asker chooses: dropped, so that no rule and no scope can rest on them. */
  readonly chosenByAsker: (claim: string) => boolean
  /** Why no rule may admit these claims, as a sentence about the token; undefined when fine. */
  readonly breach: (claims: Claims) => string | undefined
  /** The sign that a coding agent runs here, in words; undefined when there is none. */
  readonly agentSign: (claims: Claims) => string | undefined
  /** Turns what the issuer publishes into plain JWKs, where it is not. */
  readonly publishedKeys?: (keys: unknown) => unknown
}

/** An issuer of which nothing special is known. */
export const OIDC: Preset = {
  classes: ['agent', 'local', 'workload', 'ci', 'human'],
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  maxLifetime: 3600,
  replay: 'allowed',
  anchors: [],
  demands: {},
  lists: 'any',
  chosenByAsker: () => false,
  breach: () => undefined,
  agentSign: () => undefined,
}

/** A claim as text, or empty when it is absent or something else. */
export function textOf(claims: Claims, name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  return typeof value === 'string' ? value : ''
}
