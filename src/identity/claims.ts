import { CredctlError } from '../errors.ts'
import type { Claims, ClaimValue } from './caller.ts'
import type { Preset } from './presets/preset.ts'
import { isObject } from './strict-json.ts'

/** Longest value that a rule can be written for; a longer one only serves to hurt. */
const MAX_TEXT = 1024
const MAX_CLAIMS = 200

/**
 * A verified payload as flat claims: objects become `outer/inner`, `null` and lists of anything
 * but strings are left out, because no rule can name them. Two claims that flatten to one name are
 * refused (`token_claim_invalid`): a rule could not say which it means. What the issuer's kind does
 * not vouch for is left out as well.
 */
export function flattenClaims(payload: Readonly<Record<string, unknown>>, preset: Preset): Claims {
  const claims = new Map<string, ClaimValue>()
  collect(payload, '', claims)
  const vouched = [...claims].filter(([name, value]) => isVouchedFor(name, value, preset))
  return Object.freeze(Object.fromEntries(vouched))
}

function isVouchedFor(name: string, value: ClaimValue, { lists, chosenByAsker }: Preset): boolean {
  if (chosenByAsker(name)) return false
  return typeof value !== 'object' || lists === 'any' || lists.includes(name)
}

function collect(from: Record<string, unknown>, prefix: string, into: Map<string, ClaimValue>) {
  for (const [name, value] of Object.entries(from)) {
    const key = prefix + name
    if (isObject(value)) {
      collect(value, `${key}/`, into)
      continue
    }
    const claim = toClaim(key, value)
    if (claim === undefined) continue
    if (into.has(key)) throw invalid(key, 'is given twice, once nested and once flat')
    if (into.size === MAX_CLAIMS) throw invalid('payload', `has more than ${MAX_CLAIMS} claims`)
    into.set(key, claim)
  }
}

function toClaim(name: string, value: unknown): ClaimValue | undefined {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw invalid(name, 'is too large a number')
  }
  if (typeof value === 'string') {
    if (value.length <= MAX_TEXT) return value
    throw invalid(name, `is longer than ${MAX_TEXT} characters`)
  }
  const list: unknown[] = Array.isArray(value) ? value : []
  return list.length > 0 && list.every((item) => typeof item === 'string') ? list : undefined
}

function invalid(name: string, problem: string): CredctlError {
  return new CredctlError('token_claim_invalid', `claim ${JSON.stringify(name)} ${problem}`)
}
