import { CredctlError } from '../errors.ts'
import {
  CALLER_CLASSES,
  type CallerClass,
  type Claims,
  type ClaimValue,
  type Role,
} from './caller.ts'
import type { CallerRule } from './issuer.ts'

export interface Classified {
  readonly class: CallerClass
  readonly roles: readonly Role[]
}

/**
 * What an issuer's rules make of verified claims. The least trusted matching rule wins, so adding
 * a rule can lower a caller and never raise one that another rule names. No rule, no access:
 * `caller_unclassified`.
 */
export function classify(rules: readonly CallerRule[], claims: Claims): Classified {
  const matching = rules.filter((rule) => matchesRule(rule, claims))
  const least = CALLER_CLASSES.find((name) => matching.some((rule) => rule.class === name))
  if (least === undefined) {
    throw new CredctlError('caller_unclassified', 'no rule of the issuer names this caller', {
      hint: 'An operator adds a rule to callers of this issuer in credctl.yaml.',
    })
  }
  const roles = least === 'human' ? matching.flatMap((rule) => rule.roles ?? []) : []
  return { class: least, roles: [...new Set(roles)] }
}

/** True when every claim that the rule lists is present with an accepted value. */
export function matchesRule(rule: Pick<CallerRule, 'claims'>, claims: Claims): boolean {
  return Object.entries(rule.claims).every(
    ([name, wanted]) =>
      Object.hasOwn(claims, name) && [wanted].flat().some((value) => holds(claims[name], value)),
  )
}

/** Equal in type and value, byte for byte; a list, such as groups, holds its members. */
function holds(claim: ClaimValue | undefined, wanted: string | number | boolean): boolean {
  if (typeof claim === 'object') return typeof wanted === 'string' && claim.includes(wanted)
  return claim === wanted
}
