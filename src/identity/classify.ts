import { CredctlError } from '../errors.ts'
import {
  CALLER_CLASSES,
  type CallerClass,
  type Claims,
  type ClaimValue,
  type Role,
} from './caller.ts'
import type { CallerRule } from './caller-rule.ts'
import { OIDC, type Preset } from './presets/preset.ts'
import type { StepUp } from './step-up.ts'

export interface Classified {
  readonly class: CallerClass
  readonly roles: readonly Role[]
  readonly stepUp?: readonly StepUp[]
}

/**
 * What an issuer's rules make of verified claims. The least trusted matching rule wins, so adding
 * a rule can lower a caller and never raise one that another rule names; the sign of a coding agent
 * lowers further. No rule, no access: `caller_unclassified`.
 */
export function classify(
  rules: readonly CallerRule[],
  claims: Claims,
  preset: Preset = OIDC,
): Classified {
  const breach = preset.breach(claims)
  if (breach !== undefined) throw new CredctlError('caller_unclassified', breach)
  const matching = rules.filter((rule) => unmetClaims(rule, claims, preset).length === 0)
  const named = CALLER_CLASSES.find((name) => matching.some((rule) => rule.class === name))
  if (named === undefined) throw unnamed(rules, claims, preset)
  if (preset.agentSign(claims) !== undefined) return { class: 'agent', roles: [] }
  if (named !== 'human') return { class: named, roles: [] }
  const roles = new Set(matching.flatMap((rule) => rule.roles ?? []))
  const stepUp = matching.flatMap((rule) => rule.step_up ?? [])
  return { class: named, roles: [...roles], ...(stepUp.length === 0 ? {} : { stepUp }) }
}

/** Names of the claims that keep a rule from naming this caller; none when it does. */
export function unmetClaims(
  rule: Pick<CallerRule, 'claims'>,
  claims: Claims,
  preset: Preset,
): string[] {
  return Object.entries({ ...preset.demands, ...rule.claims })
    .filter(([name, wanted]) => ![wanted].flat().some((value) => holds(claims, name, value)))
    .map(([name]) => name)
}

/** Equal in type and value, byte for byte; a list, such as groups, holds its members. */
function holds(claims: Claims, name: string, wanted: string | number | boolean): boolean {
  const claim: ClaimValue | undefined = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (typeof claim === 'object') return typeof wanted === 'string' && claim.includes(wanted)
  return claim === wanted
}

/** Says so when only a default of the issuer's kind stood in the way: a rule can lift that. */
function unnamed(rules: readonly CallerRule[], claims: Claims, preset: Preset): CredctlError {
  const withheld = rules
    .filter((rule) => unmetClaims(rule, claims, OIDC).length === 0)
    .flatMap((rule) => unmetClaims(rule, claims, preset))
  const hint =
    withheld.length === 0
      ? 'An operator adds a rule to callers of this issuer in credctl.yaml.'
      : `Refused by default for ${[...new Set(withheld)].join(' and ')}; a rule may name its value.`
  return new CredctlError('caller_unclassified', 'no rule of the issuer names this caller', {
    hint,
  })
}
