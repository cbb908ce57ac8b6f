import type { Clock } from '../clock.ts'
import { CredctlError, type ErrorCode, isCredctlError } from '../errors.ts'
import type { Caller, CallerClass, Claims, Role } from './caller.ts'
import { flattenClaims } from './claims.ts'
import { unmetClaims } from './classify.ts'
import type { IssuerConfig } from './issuer.ts'
import { findIssuer } from './issuer-lookup.ts'
import { type IssuerKind, PRESETS } from './presets/kinds.ts'
import { parseToken, type UnverifiedToken } from './token.ts'
import type { Verifier } from './verify.ts'

/** What a rule of the issuer makes of a token, and if nothing, why not. */
export interface RuleFinding {
  /** Place in `callers`, counted from 0. */
  readonly rule: number
  readonly class: CallerClass
  readonly matches: boolean
  /** Names of claims that are absent or have another value; never their values. */
  readonly unmet: readonly string[]
}

/**
 * What `credctl token inspect` says of a token. Names of claims appear, their values never: what
 * is printed ends up in tickets and chats.
 */
export interface TokenInspection {
  readonly accepted: boolean
  /** What the broker would answer. */
  readonly refusal?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string }
  readonly issuer?: { readonly name: string; readonly kind: IssuerKind; readonly replay: string }
  readonly header?: { readonly alg: string; readonly typ?: string; readonly kid: boolean }
  readonly lifetimeSeconds?: number
  /** Negative once it has expired. */
  readonly expiresInSeconds?: number
  readonly claims: readonly string[]
  readonly rules: readonly RuleFinding[]
  /** Why the kind of issuer refuses these claims whatever the rules say. */
  readonly breach?: string
  /** What shows that a coding agent runs there. */
  readonly agentSign?: string
  readonly class?: CallerClass
  readonly roles?: readonly Role[]
}

export interface InspectParts {
  readonly issuers: Readonly<Record<string, IssuerConfig>>
  readonly verifier: Verifier
  readonly clock: Clock
}

/** Explains a token: which issuer, which rules, which class, or what stands in the way. Spends nothing. */
export async function inspectToken(text: string, parts: InspectParts): Promise<TokenInspection> {
  const outcome = await parts.verifier.verify(text).catch(toOurs)
  const token = tryParse(text)
  return {
    ...verdict(outcome),
    ...(token === undefined ? { claims: [], rules: [] } : findings(token, parts)),
  }
}

function toOurs(error: unknown): CredctlError {
  if (isCredctlError(error)) return error
  throw error
}

function verdict(outcome: Caller | CredctlError) {
  if (!(outcome instanceof CredctlError)) {
    return { accepted: true, class: outcome.class, roles: outcome.roles }
  }
  const { code, message, hint } = outcome
  return { accepted: false, refusal: { code, message, ...(hint === undefined ? {} : { hint }) } }
}

function tryParse(text: string): UnverifiedToken | undefined {
  try {
    return parseToken(text)
  } catch {
    return undefined
  }
}

/** Read from a token that may be forged: `accepted` alone says whether any of it is true. */
function findings(token: UnverifiedToken, { issuers, clock }: InspectParts) {
  const known = Object.entries(issuers).map(([name, config]) => ({ name, config }))
  const issuer = tryFind(token, new Map(known.map((each) => [each.config.issuer, each])))
  const { alg, typ, kid } = token.header
  return {
    header: { alg, ...(typ === undefined ? {} : { typ }), kid: kid !== undefined },
    ...times(token.payload, clock),
    ...(issuer === undefined
      ? { claims: Object.keys(token.payload).sort(), rules: [] }
      : { issuer: summary(issuer), ...judge(token.payload, issuer.config) }),
  }
}

interface Named {
  readonly name: string
  readonly config: IssuerConfig
}

function tryFind(token: UnverifiedToken, issuers: ReadonlyMap<string, Named>): Named | undefined {
  try {
    return findIssuer(token, issuers)
  } catch {
    return undefined
  }
}

function summary({ name, config: { kind, replay } }: Named) {
  return { name, kind, replay }
}

function times({ iat, exp }: UnverifiedToken['payload'], clock: Clock) {
  if (typeof exp !== 'number') return {}
  return {
    expiresInSeconds: Math.floor(exp - clock.now().getTime() / 1000),
    ...(typeof iat === 'number' ? { lifetimeSeconds: exp - iat } : {}),
  }
}

function judge(payload: UnverifiedToken['payload'], { kind, callers }: IssuerConfig) {
  const preset = PRESETS[kind]
  const claims = tryFlatten(payload, kind)
  if (claims === undefined) return { claims: Object.keys(payload).sort(), rules: [] }
  const [breach, agentSign] = [preset.breach(claims), preset.agentSign(claims)]
  return {
    claims: Object.keys(claims).sort(),
    rules: callers.map((rule, index): RuleFinding => {
      const unmet = unmetClaims(rule, claims, preset)
      return { rule: index, class: rule.class, matches: unmet.length === 0, unmet }
    }),
    ...(breach === undefined ? {} : { breach }),
    ...(agentSign === undefined ? {} : { agentSign }),
  }
}

function tryFlatten(payload: UnverifiedToken['payload'], kind: IssuerKind): Claims | undefined {
  try {
    return flattenClaims(payload, PRESETS[kind])
  } catch {
    return undefined
  }
}
