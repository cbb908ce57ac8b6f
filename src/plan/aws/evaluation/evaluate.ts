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
  const organization = organizationAllows(policies, allows)
  if (organization === false) return verdict('denied', 'no policy of the organization allows it')
  if (organization === 'unknown') {
    return verdict('unknown', 'the organization may or may not allow it')
  }
  const limits = limitsOf(policies, allows)
  return summary(any(pathsOf(request, allows, limits)), allows, limits)
}

/** Every level from the root down must allow it. */
function organizationAllows({ organization = [] }: Policies, allows: readonly Applied[]): Truth {
  return all(
    organization.map((level) => {
      const statements = new Set(level.flatMap(({ Statement }) => Statement))
      return any(allows.filter((each) => statements.has(each.statement)).map(truthOf))
    }),
  )
}

interface Limits {
  readonly boundary: Truth
  readonly session: Truth
  /** Identity, boundary and session policy together. */
  readonly own: Truth
}

function limitsOf(policies: Policies, allows: readonly Applied[]): Limits {
  const grants = (kind: PolicyKind, list: readonly Policy[] | undefined): Truth =>
    list === undefined ? true : any(allows.filter((each) => each.kind === kind).map(truthOf))
  const boundary = grants('boundary', policies.boundary)
  const session = grants('session', policies.session)
  return { boundary, session, own: all([grants('identity', policies.identity), boundary, session]) }
}

/**
 * The ways in which IAM can come to yes, any of which is enough. A resource policy that names the
 * role passes over identity policies; one that names the session, or everyone, also over boundary
 * and session policy; one that names the account only lets the account decide.
 */
function pathsOf(
  request: AwsRequest,
  allows: readonly Applied[],
  { own, boundary, session }: Limits,
): Truth[] {
  const resource = allows.filter(({ kind }) => kind === 'resource')
  const named = (...names: readonly Naming[]) =>
    any(resource.filter(({ naming }) => names.includes(naming)).map(truthOf))
  const accounts = [request.resourceAccount ?? request.principal.account, request.principal.account]
  if (accounts[0] !== accounts[1]) return [all([own, any(resource.map(truthOf))])]
  return [
    needsResourcePolicy(request) ? all([own, named('account')]) : own,
    all([named('role'), boundary, session]),
    named('everyone', 'session', 'unknown'),
  ]
}

/** Keys and role trust decide for themselves: without their own word the account's counts nothing. */
function needsResourcePolicy({ action }: AwsRequest): boolean {
  const name = action.toLowerCase()
  return name.startsWith('kms:') || name === 'sts:assumerole'
}

function truthOf({ applies }: Applied): Truth {
  return applies
}

function summary(truth: Truth, allows: readonly Applied[], limits: Limits): Verdict {
  const { own, session, boundary } = limits
  const kinds: PolicyKind[] = own === true ? ['session', 'identity'] : ['resource', 'session']
  const by = kinds
    .map((kind) => allows.find((each) => each.kind === kind && each.applies === true))
    .find((each) => each !== undefined)
  if (truth === true) return verdict('allowed', `${by?.kind ?? 'identity'} policy allows it`, by)
  if (truth === 'unknown') return verdict('unknown', 'an allow may or may not apply')
  if (session === false) return verdict('denied', 'the session policy does not allow it')
  if (boundary === false) return verdict('denied', 'the boundary does not allow it')
  if (own === true) return verdict('denied', 'the policy of the resource does not allow it')
  return verdict('denied', 'no policy allows it')
}

function verdict(answer: Verdict['answer'], why: string, by?: Applied): Verdict {
  return {
    answer,
    why,
    ...(by === undefined ? {} : { by: { kind: by.kind, statement: by.statement } }),
  }
}
