import type { Caller } from '../identity/caller.ts'
import type { AllowRule, Scope } from '../scope/scope.ts'
import type { Reason } from './reason.ts'
import type { DecisionRequest } from './request.ts'

/** The scope's own word: who may take it, and where. */
export function ruleBreaches(request: DecisionRequest): Reason[] {
  const { caller, scope, environment } = request
  if (!scope.environments.includes(environment.name)) {
    const message = `scope ${scope.name} does not list environment ${environment.name}`
    return [{ code: 'environment_not_in_scope', message }]
  }
  if (request.intent.trim() === '') {
    return [{ code: 'intent_missing', message: 'the request does not say what the task is for' }]
  }
  const misses = scope.allow.map((rule) => missOf(rule, caller))
  return misses.includes(undefined) ? [] : closestMiss(misses, request)
}

/** Does any rule of the scope name this caller? Decides how much of a refusal it may learn. */
export function ruleNames(scope: Scope, caller: Caller): boolean {
  return scope.allow.some((rule) => missOf(rule, caller) === undefined)
}

interface Miss {
  readonly class: boolean
  readonly claim?: string
}

/** How a rule fails to name this caller, or undefined when it does name it. */
function missOf(rule: AllowRule, caller: Caller): Miss | undefined {
  if (rule.caller !== caller.class || rule.issuer !== caller.issuer) return { class: true }
  const claim = Object.entries(rule.claims).find(([name, wanted]) => {
    return !Object.hasOwn(caller.claims, name) || caller.claims[name] !== wanted
  })?.[0]
  return claim === undefined ? undefined : { class: false, claim }
}

/** Tells a caller which claim differed, in the words of its own token, never the wanted value. */
function closestMiss(misses: readonly (Miss | undefined)[], request: DecisionRequest): Reason[] {
  const { caller, scope } = request
  const claims = misses.flatMap((miss) => miss?.claim ?? [])
  if (claims.length === 0) {
    const message = `scope ${scope.name} has no rule for class ${caller.class} of issuer ${caller.issuer}`
    return [{ code: 'no_rule_for_caller', message }]
  }
  const names = [...new Set(claims)].join(', ')
  return [
    {
      code: 'claim_mismatch',
      message: `scope ${scope.name} wants another value for the claim ${names} of this caller`,
    },
  ]
}
