import { CALLER_CLASSES } from '../identity/caller.ts'
import type { Reason } from './reason.ts'
import type { DecisionRequest } from './request.ts'

type Invariant = (request: DecisionRequest) => Reason | undefined

/** Each returns the reason it is broken. They read the plan, never the scope's or a flag's word. */
export const INVARIANTS: Readonly<Record<string, Invariant>> = {
  knownClass,
  prodNeverForAgentOrLocal,
  administrationForCiAndHumanOnly,
  rolesOnlyForHumans,
  planBelongsToRequest,
  ttlBounded,
}

export function invariantBreaches(request: DecisionRequest): Reason[] {
  return Object.values(INVARIANTS).flatMap((invariant) => invariant(request) ?? [])
}

type WithoutPlan = Pick<DecisionRequest, 'caller' | 'environment'>

/** The invariants that need no plan: a request whose plan was refused breaks them all the same. */
export function breachesWithoutPlan(request: WithoutPlan): Reason[] {
  const invariants = [knownClass, prodNeverForAgentOrLocal, rolesOnlyForHumans]
  return invariants.flatMap((invariant) => invariant(request) ?? [])
}

/** Invariant 2: what no rule names is refused, also a class this code has never heard of. */
function knownClass({ caller }: WithoutPlan): Reason | undefined {
  if (CALLER_CLASSES.includes(caller.class)) return undefined
  return { code: 'unknown_class', message: 'the caller has no class that credctl knows' }
}

/** Invariant 1. Both the environment and the plan are asked, so that neither alone can lie. */
function prodNeverForAgentOrLocal(
  request: WithoutPlan & Partial<Pick<DecisionRequest, 'plan'>>,
): Reason | undefined {
  const { caller, environment, plan } = request
  const classes = [environment.class, plan?.environmentClass ?? environment.class]
  if (classes.every((each) => each === 'nonprod')) return undefined
  if (caller.class !== 'agent' && caller.class !== 'local') return undefined
  const who = caller.class === 'agent' ? 'agents' : 'laptops (class local)'
  const message = `${environment.name} is a prod environment, and prod is never granted to ${who}`
  return { code: 'prod_for_agent_or_local', message }
}

/** Invariants 3 and 4: administration is for `ci` and `human`, whatever the scope says. */
function administrationForCiAndHumanOnly({ caller, plan }: DecisionRequest): Reason | undefined {
  if (caller.class === 'ci' || caller.class === 'human') return undefined
  const aws = Object.values(plan.targets).filter((target) => target.kind === 'aws')
  const restricted = aws.flatMap((target) => target.restricted)
  const escalations = aws.flatMap((target) => target.escalations)
  if (restricted.length === 0 && escalations.length === 0) return undefined
  const shown = restricted.slice(0, 5).join(', ')
  const more = restricted.length > 5 ? ` and ${restricted.length - 5} more` : ''
  return {
    code: 'admin_for_agent_local_or_workload',
    message: `${shown}${more} are never granted to class ${caller.class}${dangerOf(escalations)}`,
  }
}

/** Names the known attacks that the plan would complete. */
function dangerOf(escalations: readonly string[]): string {
  if (escalations.length === 0) return ''
  return `: together they are privilege-escalation path ${escalations.join(', ')}`
}

/** A caller that is not a person holds no role of a person. */
function rolesOnlyForHumans({ caller }: WithoutPlan): Reason | undefined {
  if (caller.class === 'human' || caller.roles.length === 0) return undefined
  return {
    code: 'role_not_for_this_class',
    message: `class ${caller.class} cannot hold the role ${caller.roles.join(', ')}`,
  }
}

/** What is decided is what is minted: the plan must be of this scope and environment. */
function planBelongsToRequest(request: DecisionRequest): Reason | undefined {
  const { scope, environment, plan } = request
  const same =
    plan.scope === scope.name &&
    plan.environment === environment.name &&
    plan.environmentClass === environment.class &&
    plan.ttlSeconds === scope.ttl
  if (same) return undefined
  return { code: 'plan_not_of_this_scope', message: 'the plan was made for another request' }
}

const MAX_TTL_SECONDS = 3600

/** Credentials live for minutes. The schema says so too; this holds when the schema is wrong. */
function ttlBounded({ plan }: DecisionRequest): Reason | undefined {
  const { ttlSeconds } = plan
  if (Number.isSafeInteger(ttlSeconds) && ttlSeconds > 0 && ttlSeconds <= MAX_TTL_SECONDS) {
    return undefined
  }
  return { code: 'ttl_out_of_bounds', message: `a grant lives at most ${MAX_TTL_SECONDS} s` }
}
