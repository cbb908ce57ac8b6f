import { ruleNames } from './decision/rules.ts'
import { CredctlError } from './errors.ts'
import { CALLER_CLASSES, type Caller, type CallerClass, type Role } from './identity/caller.ts'
import type { GrantClaims } from './identity/grant-token.ts'
import { requireStepUp } from './identity/step-up.ts'
import type { ApprovalState, GrantFilter, GrantState } from './ledger/ledger.ts'
import type { CatalogScope } from './scope/catalog.ts'

/** Who a request under `/v1` speaks for: an identity, or a grant and nothing more. */
export type Principal =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'grant'; readonly claims: GrantClaims }

interface Rule {
  /** Classes whose identity token is accepted. */
  readonly classes: readonly CallerClass[]
  /** Is a grant token accepted? */
  readonly grant: boolean
  /** Roles that see and act on what is not their own. */
  readonly everything: readonly Role[]
  /** Does acting on what is not one's own need the login that the rules ask for (RFC 9470)? */
  readonly stepUp?: true
}

const APPROVAL_READERS = ['approver', 'operator', 'auditor'] as const

/** Which callers may use which endpoint: the whole of it, in one table. */
export const ACCESS = {
  fetchCredential: { classes: [], grant: true, everything: [] },
  reportUnwrap: { classes: [], grant: true, everything: [] },
  standingCredential: { classes: ['workload'], grant: false, everything: [] },
  plan: { classes: CALLER_CLASSES, grant: false, everything: [] },
  listScopes: { classes: CALLER_CLASSES, grant: false, everything: ['operator', 'auditor'] },
  listGrants: { classes: CALLER_CLASSES, grant: false, everything: ['operator', 'auditor'] },
  showGrant: { classes: CALLER_CLASSES, grant: true, everything: ['operator', 'auditor'] },
  endGrant: { classes: CALLER_CLASSES, grant: true, everything: ['operator'], stepUp: true },
  readOpenings: { classes: ['human'], grant: false, everything: ['auditor'], stepUp: true },
  eraseOpenings: { classes: ['human'], grant: false, everything: ['operator'], stepUp: true },
  readLog: { classes: ['human'], grant: false, everything: ['operator', 'auditor'] },
  readHealth: { classes: ['human'], grant: false, everything: ['operator', 'auditor'] },
  listApprovals: { classes: ['human'], grant: false, everything: APPROVAL_READERS },
  showApproval: { classes: ['human'], grant: false, everything: APPROVAL_READERS },
  decideApproval: { classes: ['human'], grant: false, everything: ['approver'], stepUp: true },
  cancelApproval: { classes: ['human'], grant: false, everything: ['operator'], stepUp: true },
} as const satisfies Record<string, Rule>

export type Operation = keyof typeof ACCESS

/** Refuses a principal that may not use the endpoint at all. */
export function requireAccess(operation: Operation, principal: Principal): void {
  const rule: Rule = ACCESS[operation]
  const admitted =
    principal.kind === 'grant' ? rule.grant : rule.classes.includes(principal.caller.class)
  if (admitted) return
  const wanted = rule.grant ? 'a grant token' : 'an identity token'
  throw new CredctlError('caller_not_permitted', 'this token cannot be used here', {
    hint:
      rule.classes.length > 0 && rule.grant
        ? 'Send an identity or a grant token.'
        : `Send ${wanted}.`,
  })
}

/**
 * Refuses a principal that acts on what is neither its own nor, by a role, its business. Errors:
 * `grant_not_found`, since an id alone is no authority; `authentication_insufficient`.
 */
export function requireReach(
  operation: Operation,
  principal: Principal,
  grant: GrantState | undefined,
  now: Date,
): asserts grant is GrantState {
  if (grant !== undefined && owns(principal, grant)) return
  if (grant === undefined || principal.kind === 'grant' || !seesEverything(operation, principal)) {
    throw new CredctlError('grant_not_found', 'there is no such grant for this caller')
  }
  const rule: Rule = ACCESS[operation]
  if (rule.stepUp) requireStepUp(principal.caller, now)
}

/** Refuses a principal for whom there is nothing to see without a role. */
export function requireEverything(operation: Operation, principal: Principal): void {
  requireAccess(operation, principal)
  if (seesEverything(operation, principal)) return
  const { everything }: Rule = ACCESS[operation]
  throw new CredctlError('caller_not_permitted', 'your roles do not reach this', {
    hint: `It is for ${everything.join(' or ')}.`,
  })
}

/**
 * As `requireReach`, for a request for approval: whoever asked, and roles whose business it is.
 * Errors: `approval_not_found`, `authentication_insufficient`.
 */
export function requireApprovalReach(
  operation: Operation,
  principal: Principal,
  state: ApprovalState,
  now: Date,
): void {
  if (owns(principal, state)) return
  if (principal.kind === 'grant' || !seesEverything(operation, principal)) {
    throw new CredctlError('approval_not_found', 'there is no such request for approval')
  }
  const rule: Rule = ACCESS[operation]
  if (rule.stepUp) requireStepUp(principal.caller, now)
}

/** Does a role let this principal see what is not its own? */
export function seesEverything(operation: Operation, principal: Principal): boolean {
  const rule: Rule = ACCESS[operation]
  if (principal.kind === 'grant' || principal.caller.class !== 'human') return false
  return principal.caller.roles.some((role) => rule.everything.includes(role))
}

/**
 * A grant is its caller's own, or the grant token's own. An id alone is no authority, and neither is
 * a subject's name where an agent bears it too: nobody owns what was given to a more trusted class.
 */
export function owns(principal: Principal, grant: Pick<GrantState, 'id' | 'caller'>): boolean {
  if (principal.kind === 'grant') return principal.claims.grant === grant.id
  const { issuer, subject } = principal.caller
  const sameName = grant.caller.issuer === issuer && grant.caller.subject === subject
  return sameName && classesUpTo(principal.caller.class).includes(grant.caller.class)
}

/** What a listing is cut down to for this principal. */
export function visibleGrants(principal: Principal): Pick<GrantFilter, 'owner' | 'classes'> {
  if (principal.kind === 'grant' || seesEverything('listGrants', principal)) return {}
  const { issuer, subject, class: callerClass } = principal.caller
  return { owner: { issuer, subject }, classes: classesUpTo(callerClass) }
}

/** A scope is shown to those whom its rules name, and to roles that see everything. */
export function mayReadScope(principal: Principal, { scope }: CatalogScope): boolean {
  if (seesEverything('listScopes', principal)) return true
  return principal.kind === 'caller' && ruleNames(scope, principal.caller)
}

function classesUpTo(callerClass: CallerClass): readonly CallerClass[] {
  return CALLER_CLASSES.slice(0, CALLER_CLASSES.indexOf(callerClass) + 1)
}
