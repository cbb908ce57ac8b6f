import type { Policy, PolicyStatement } from '../policy.ts'
import { conditionHolds } from './condition.ts'
import { actionMatches, type Naming, namingOf, resourceMatches } from './match.ts'
import type { AwsRequest } from './request.ts'
import { all, any, type Truth } from './truth.ts'

/** Every policy that bears on one request. An absent kind does not limit; an empty one denies all. */
export interface Policies {
  readonly identity: readonly Policy[]
  readonly session?: readonly Policy[]
  readonly boundary?: readonly Policy[]
  readonly resource?: readonly Policy[]
  /** Service control policies: one list for each level from the root down; each must allow. */
  readonly organization?: readonly (readonly Policy[])[]
}

export type PolicyKind = 'identity' | 'session' | 'boundary' | 'resource' | 'organization'

/** What AWS would answer, the statement that decided, and why in one sentence. */
export interface Verdict {
  readonly answer: 'allowed' | 'denied' | 'unknown'
  readonly why: string
  readonly by?: { readonly kind: PolicyKind; readonly statement: PolicyStatement }
}

interface Applied {
  readonly kind: PolicyKind
  readonly statement: PolicyStatement
  readonly applies: Truth
  readonly naming: Naming
}

/**
 * IAM's evaluation of one request of a role session (IAM User Guide, reference_policies_evaluation-logic).
 * An explicit deny anywhere wins. Else the organization must allow, and either identity, boundary
 * and session policies together, or, inside one account, a resource policy, depending on how it
 * names the caller. Answers `unknown` when an operator, variable or condition key decides that is
 * not known here. Not modelled: resource control policies, VPC endpoint policies, KMS grants, access
 * control lists, and services with rules of their own.
 */
export function evaluatePolicies(request: AwsRequest, policies: Policies): Verdict {
  const applied = applyAll(request, policies)
  const denies = applied.filter(({ statement }) => statement.Effect === 'Deny')
  const denied = denies.find(({ applies }) => applies === true)
  if (denied !== undefined) return verdict('denied', `${denied.kind} policy denies it`, denied)

  const allowed = allowedBy(request, policies, applied)
  const doubt = denies.find(({ applies }) => applies === 'unknown')
  if (allowed.answer === 'denied' || doubt === undefined) return allowed
  return verdict('unknown', `a deny of the ${doubt.kind} policy may or may not apply`, doubt)
}

/** The statements that apply, or may apply. */
function applyAll(request: AwsRequest, policies: Policies): Applied[] {
  const applied: Applied[] = []
  const apply = (kind: PolicyKind, list: readonly Policy[]) => {
    for (const { Statement } of list) {
      for (const statement of Statement) {
        const naming = kind === 'resource' ? namingOf(statement, request.principal) : 'account'
        const applies = appliesTo(statement, request, naming)
        if (applies !== false) applied.push({ kind, statement, applies, naming })
      }
    }
  }
  for (const level of policies.organization ?? []) apply('organization', level)
  apply('identity', policies.identity)
  apply('session', policies.session ?? [])
  apply('boundary', policies.boundary ?? [])
  apply('resource', policies.resource ?? [])
  return applied
}

/** Cheapest question first: most statements speak of other actions. */
function appliesTo(statement: PolicyStatement, request: AwsRequest, naming: Naming): Truth {
  if (naming === 'none' || !actionMatches(statement, request)) return false
  const resource = resourceMatches(statement, request)
  if (resource === false) return false
  const condition = conditionHolds(statement.Condition, request.context)
  return all([naming === 'unknown' ? 'unknown' : true, resource, condition])
}

/** Whether anything allows it, explicit denies left out. */
function allowedBy(request: AwsRequest, policies: Policies, applied: readonly Applied[]): Verdict {
  const allows = applied.filter(({ statement }) => statement.Effect === 'Allow')
  const pool = (kind: PolicyKind) => allows.filter((each) => each.kind === kind)
  const grants = (kind: PolicyKind, list: unknown): Truth =>
    list === undefined ? true : any(pool(kind).map(({ applies }) => applies))

  for (const level of policies.organization ?? []) {
    const statements = new Set(level.flatMap(({ Statement }) => Statement))
    const here = pool('organization').filter(({ statement }) => statements.has(statement))
    const truth = any(here.map(({ applies }) => applies))
    if (truth === false) return verdict('denied', 'no policy of the organization allows it')
    if (truth === 'unknown') return verdict('unknown', 'the organization may or may not allow it')
  }
  const boundary = grants('boundary', policies.boundary)
  const session = grants('session', policies.session)
  const own = all([grants('identity', policies.identity), boundary, session])
  const byResource = (names: readonly Naming[]) =>
    any(
      pool('resource')
        .filter((each) => names.includes(each.naming))
        .map((each) => each.applies),
    )
  const crossAccount =
    request.resourceAccount !== undefined && request.resourceAccount !== request.principal.account
  const anyName = byResource(['everyone', 'session', 'role', 'account', 'unknown'])

  // Naming the session or everyone grants past boundary and session policy (aws.md, 1.3).
  const paths: Truth[] = crossAccount
    ? [all([own, anyName])]
    : needsResourcePolicy(request)
      ? [all([own, anyName]), byResource(['everyone', 'session'])]
      : [
          own,
          all([byResource(['role']), boundary, session]),
          byResource(['everyone', 'session', 'unknown']),
        ]
  return summary(any(paths), own, allows, { crossAccount, boundary, session })
}

/** Key policies and role trust policies are never bypassed by an identity policy alone. */
function needsResourcePolicy({ action }: AwsRequest): boolean {
  const name = action.toLowerCase()
  return name.startsWith('kms:') || name === 'sts:assumerole'
}

function summary(
  truth: Truth,
  own: Truth,
  allows: readonly Applied[],
  limits: { crossAccount: boolean; boundary: Truth; session: Truth },
): Verdict {
  const kinds: PolicyKind[] = own === true ? ['session', 'identity'] : ['resource', 'session']
  const by = kinds
    .map((kind) => allows.find((each) => each.kind === kind && each.applies === true))
    .find((each) => each !== undefined)
  if (truth === true) return verdict('allowed', `${by?.kind ?? 'identity'} policy allows it`, by)
  if (truth === 'unknown') return verdict('unknown', 'an allow may or may not apply')
  if (limits.session === false) return verdict('denied', 'the session policy does not allow it')
  if (limits.boundary === false) return verdict('denied', 'the boundary does not allow it')
  if (limits.crossAccount && own === true) {
    return verdict('denied', 'the resource is in another account, which does not allow it')
  }
  return verdict('denied', 'no policy allows it')
}

function verdict(answer: Verdict['answer'], why: string, by?: Applied): Verdict {
  return {
    answer,
    why,
    ...(by === undefined ? {} : { by: { kind: by.kind, statement: by.statement } }),
  }
}
