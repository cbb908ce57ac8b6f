import type { Environment } from '../environment/environment.ts'
import type { Caller } from '../identity/caller.ts'
import { compiledPlan } from '../plan/compiled.ts'
import type { Parameters } from '../plan/parameters.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlanProblem } from '../plan/problem.ts'
import type { CatalogScope } from '../scope/catalog.ts'
import type { Scope } from '../scope/scope.ts'
import type { Evidence } from './approval.ts'
import { type Decision, decide } from './decide.ts'
import { breachesWithoutPlan } from './invariants.ts'
import type { Policy } from './policy.ts'
import type { Reason } from './reason.ts'
import type { Usage } from './request.ts'
import { ruleNames } from './rules.ts'

/** What one caller asks for: names and values from outside, nothing resolved yet. */
export interface Ask {
  readonly scope: string
  readonly environment: string
  readonly intent: string
  readonly parameters: Parameters
  /** An emergency: windows, freezes and rules that refuse are lifted, and another person agrees. */
  readonly breakGlass?: boolean
  /** What was taken out before anybody looked at it; absent when nothing was. */
  readonly redacted?: readonly Redaction[]
}

/** A secret that was replaced by `[redacted:TYPE]`. */
export interface Redaction {
  /** `intent`, `scope`, `environment`, `parameters` (a name) or `parameters.NAME`. */
  readonly at: string
  readonly type: string
}

/** Everything a decision depends on that is not the ask itself. */
export interface Circumstances {
  readonly grantId: string
  readonly caller: Caller
  readonly found: CatalogScope | undefined
  readonly environment: Environment | undefined
  readonly usage: Usage
  /** The operator's thresholds and approvers; without them the autonomy level decides alone. */
  readonly policy?: Policy | undefined
  /** What people said about this very request. */
  readonly approval?: Evidence | undefined
  readonly issuedAt: Date
  /** As in `DecisionRequest`. */
  readonly notAfter?: Date
  readonly now: Date
}

export interface Evaluation {
  readonly decision: Decision
  /** Absent when there is nothing to plan or the plan was refused. */
  readonly plan: Plan | undefined
  /**
   * What the caller may learn. A caller that no rule of the scope names hears the same words as
   * for a scope that does not exist; the full reasons are for the log.
   */
  readonly disclosed: readonly Reason[]
}

/**
 * From names to an answer: finds, plans, decides. Pure, and the only way to a decision: the token
 * endpoint, the dry run, every credential fetch and `credctl scope plan` all come through here.
 */
export function evaluate(ask: Ask, circumstances: Circumstances): Evaluation {
  const { found, environment, caller } = circumstances
  if (found === undefined) {
    return denied(ask, false, [
      { code: 'scope_unknown', message: `there is no scope ${quote(ask.scope)}` },
    ])
  }
  const named = ruleNames(found.scope, caller)
  if (environment === undefined || !found.scope.environments.includes(ask.environment)) {
    const reason = noEnvironment(ask, found.scope)
    const breaches = environment === undefined ? [] : breachesWithoutPlan({ caller, environment })
    const evaluation = denied(ask, named, [...breaches, reason])
    return named ? { ...evaluation, disclosed: [reason] } : evaluation
  }
  const secrets = secretsInParameters(ask)
  if (secrets.length > 0) {
    return denied(ask, named, [...breachesWithoutPlan({ caller, environment }), ...secrets])
  }
  const planned = compiledPlan(found.scope, environment, ask.parameters)
  if (!planned.ok) {
    const breaches = breachesWithoutPlan({ caller, environment })
    return denied(ask, named, [...breaches, ...refusals(planned.problems)])
  }

  const decision = decide({
    ...circumstances,
    scope: found.scope,
    scopeDigest: found.digest,
    environment,
    plan: planned.plan,
    intent: ask.intent,
    breakGlass: ask.breakGlass === true,
  })
  if (decision.outcome === 'deny') return denied(ask, named, decision.reasons, planned.plan)
  return { decision, plan: planned.plan, disclosed: decision.reasons }
}

/**
 * What the scope does not list is answered alike, whether or not the operator has it; the log also
 * says which invariant the request would have broken.
 */
function noEnvironment({ environment }: Ask, scope: Scope): Reason {
  if (scope.environments.includes(environment)) {
    const message = `there is no environment ${quote(environment)}`
    return { code: 'environment_unknown', message }
  }
  const message = `scope ${scope.name} does not list environment ${quote(environment)}`
  return { code: 'environment_not_in_scope', message }
}

function denied(ask: Ask, named: boolean, reasons: readonly Reason[], plan?: Plan): Evaluation {
  const undisclosed: Reason = {
    code: 'scope_unknown',
    message: `no scope ${quote(ask.scope)} is available to this caller in ${quote(ask.environment)}`,
  }
  return {
    decision: { outcome: 'deny', reasons },
    plan,
    disclosed: named ? reasons : [undisclosed],
  }
}

/** A value that fills a hole cannot be guessed, and a secret belongs into no policy. */
function secretsInParameters({ redacted = [] }: Ask): Reason[] {
  return redacted.flatMap(({ at, type }): Reason[] => {
    if (at !== 'parameters' && !at.startsWith('parameters.')) return []
    const message = `${at} holds what looks like a secret (${type}); send the name of a secret, never its value`
    return [{ code: 'secret_in_parameter', message }]
  })
}

/** An entry has room for some reasons; `credctl scope lint` lists all of them. */
const MAX_REFUSALS = 10

function refusals(problems: readonly PlanProblem[]): Reason[] {
  const shown = problems.slice(0, MAX_REFUSALS).map(refusal)
  const more = problems.length - shown.length
  if (more === 0) return shown
  return [...shown, { code: 'plan_refused', message: `and ${more} more of the kind` }]
}

function refusal(problem: PlanProblem): Reason {
  const tail = problem.expected === undefined ? '' : `; expected ${problem.expected}`
  const code = problem.code === 'environment_not_in_scope' ? problem.code : 'plan_refused'
  return { code, message: `${problem.message}${tail}` }
}

/** Names from outside are shown quoted and short: they may be long or hold control characters. */
function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}
