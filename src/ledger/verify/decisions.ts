import type { Digest } from '../../canonical.ts'
import { type Evaluation, evaluate } from '../../decision/evaluate.ts'
import type { Policy } from '../../decision/policy.ts'
import type { ReasonCode } from '../../decision/reason.ts'
import type { Environment } from '../../environment/environment.ts'
import type { Caller } from '../../identity/caller.ts'
import type { CatalogScope } from '../../scope/catalog.ts'
import type { GrantDecided } from '../entry.ts'
import type { Finding } from './finding.ts'
import type { Reviewable, Reviewer } from './review.ts'

export interface ReviewMaterial {
  /** Every version of a scope that was reviewed. */
  readonly scopes: ReadonlyMap<Digest, CatalogScope>
  /** Today's configuration; without it no decision is made again. */
  readonly environments?: ReadonlyMap<string, Environment>
  readonly policy?: Policy | undefined
}

/** Why a decision was not made again. Not one of these says that it was right. */
export type NotRechecked =
  | 'no_configuration'
  | 'scope_unknown'
  | 'environment_changed'
  | 'plan_changed'
  | 'committed'
  | 'approval'
  | ReasonCode

/** Reasons that follow from the recorded caller, scope and environment class alone. */
const OF_RECORDED_INPUTS: ReadonlySet<string> = new Set<ReasonCode>([
  'prod_for_agent_or_local',
  'admin_for_agent_local_or_workload',
  'unknown_class',
  'plan_not_of_this_scope',
  'ttl_out_of_bounds',
  'environment_not_in_scope',
  'no_rule_for_caller',
  'claim_mismatch',
  'intent_missing',
])
/** Reasons that depend on what other grants, the calendar or people did at the time. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set<ReasonCode>([
  'too_many_live_grants',
  'too_many_grants_today',
  'outside_window',
  'frozen',
  'threshold_refused',
  'approval_required',
  'approval_denied',
  'approval_expired',
  'approval_void',
  'grant_expired',
  'grant_ended',
])

const NO_USAGE = { liveGrants: 0, grantsLastDay: 0 }

/**
 * Holds what the log says against what was reviewed: every scope that was loaded or decided by is a
 * reviewed one, and today's `evaluate` agrees with each decision for its recorded inputs.
 */
export class DecisionReview implements Reviewer {
  readonly #material: ReviewMaterial
  readonly #told = new Set<string>()
  readonly #notRechecked = new Map<NotRechecked, number>()
  #rechecked = 0

  constructor(material: ReviewMaterial) {
    this.#material = material
  }

  /** Decisions that were made again with the same outcome. */
  get rechecked(): number {
    return this.#rechecked
  }

  get notRechecked(): Readonly<Partial<Record<NotRechecked, number>>> {
    return Object.fromEntries(this.#notRechecked)
  }

  review(index: number, entry: Reviewable): readonly Finding[] {
    if (entry.kind === 'catalogue.loaded') {
      return Object.entries(entry.scopes).flatMap(([name, digest]) =>
        this.#unreviewed(index, name, digest),
      )
    }
    const { name, digest } = entry.scope
    const unreviewed = digest === undefined ? [] : this.#unreviewed(index, name, digest)
    return [...unreviewed, ...this.#recheck(index, entry)]
  }

  /** Each digest is told once, where it came into force. */
  #unreviewed(index: number, name: string, digest: Digest): readonly Finding[] {
    if (this.#material.scopes.has(digest) || this.#told.has(digest)) return []
    this.#told.add(digest)
    const message = `entry ${index} names a scope ${JSON.stringify(name)} that nobody reviewed: ${digest}`
    return [{ code: 'scope_unreviewed', index, message }]
  }

  #recheck(index: number, entry: GrantDecided): readonly Finding[] {
    const again = this.#again(entry)
    if (typeof again === 'string') return this.#skip(again)
    const verdict = compare(entry, again)
    if (verdict.agrees) this.#rechecked += 1
    if (verdict.agrees || 'why' in verdict) return verdict.agrees ? [] : this.#skip(verdict.why)
    const message = `entry ${index} decides ${entry.decision}; its inputs say ${verdict.instead}`
    return [{ code: 'decision_contradicted', index, message }]
  }

  #skip(why: NotRechecked): readonly Finding[] {
    this.#notRechecked.set(why, (this.#notRechecked.get(why) ?? 0) + 1)
    return []
  }

  /** The decision as it would be today, or why it cannot be made. */
  #again(entry: GrantDecided): Evaluation | NotRechecked {
    const { scopes, environments, policy } = this.#material
    if (environments === undefined) return 'no_configuration'
    const found = entry.scope.digest === undefined ? undefined : scopes.get(entry.scope.digest)
    if (found === undefined) return 'scope_unknown'
    if (entry.committed !== undefined || entry.redacted !== undefined) return 'committed'
    const environment = environments.get(entry.environment.name)
    if (environment?.class !== entry.environment.class) return 'environment_changed'
    const now = new Date(entry.time)
    const { intent, parameters } = entry
    const ask = { scope: entry.scope.name, environment: entry.environment.name, intent, parameters }
    const caller: Caller = { roles: [], ...entry.caller }
    const circumstances = { grantId: entry.grant, caller, found, environment, policy, now }
    return evaluate(ask, { ...circumstances, usage: NO_USAGE, issuedAt: now })
  }
}

type Verdict =
  | { readonly agrees: true }
  | { readonly agrees: false; readonly why: NotRechecked }
  | { readonly agrees: false; readonly instead: string }

function compare(entry: GrantDecided, { decision, plan }: Evaluation): Verdict {
  const samePlan = plan !== undefined && plan.digest === entry.plan
  if (entry.decision === 'deny') return compareDenial(entry, decision.outcome)
  if (decision.outcome === 'deny') {
    const codes = decision.reasons.map(({ code }) => code)
    const against = codes.filter((code) =>
      samePlan ? !OF_THE_MOMENT.has(code) : OF_RECORDED_INPUTS.has(code),
    )
    if (against.length > 0) return { agrees: false, instead: `deny (${against.join(', ')})` }
    return { agrees: false, why: codes[0] ?? 'plan_changed' }
  }
  if (decision.outcome !== entry.decision) return { agrees: false, why: 'approval' }
  return samePlan ? { agrees: true } : { agrees: false, why: 'plan_changed' }
}

/** A denial that nothing recorded explains is as wrong as a grant, if less dangerous. */
function compareDenial({ reasons }: GrantDecided, outcome: string): Verdict {
  if (outcome === 'deny') return { agrees: true }
  const other = reasons.find(({ code }) => !OF_RECORDED_INPUTS.has(code))
  return other === undefined
    ? { agrees: false, instead: outcome }
    : { agrees: false, why: other.code }
}
