import { groupsOf, isSamePerson, type Person } from '../decision/approval.ts'
import type { Policy } from '../decision/policy.ts'
import { CredctlError } from '../errors.ts'
import { isNameless } from '../identity/approver-group.ts'
import type { Caller } from '../identity/caller.ts'
import { requireStepUp } from '../identity/step-up.ts'
import type { ApprovalState } from '../ledger/ledger.ts'

/** The groups of a request that this person could speak for, whoever asked. */
export function couldSpeakFor(by: Caller, state: ApprovalState, policy: Policy): readonly string[] {
  if (by.class !== 'human' || !by.roles.includes('approver')) return []
  return groupsOf(by, state.asked.needs, policy)
}

/**
 * Four eyes: refuses whoever may not decide this request. Gives the groups the person may speak
 * for, at least one. Errors: `approval_not_yours`, `authentication_insufficient`.
 */
export function requireEligible(
  by: Caller,
  state: ApprovalState,
  policy: Policy,
  now: Date,
): readonly string[] {
  if (by.class !== 'human' || !by.roles.includes('approver')) {
    throw notYours('only people with the role approver decide requests')
  }
  if (by.actor !== undefined) throw notYours('an approval cannot be delegated')
  requireNamed(by, 'your token', policy)
  requireNamed(state.caller, 'the token of whoever asked', policy)
  if (isSamePerson(by, state.caller, policy.samePerson)) {
    throw notYours('nobody decides a request of their own')
  }
  if (state.given.some((word) => isSamePerson(by, word.by, policy.samePerson))) {
    throw notYours('this person has already spoken')
  }
  const groups = couldSpeakFor(by, state, policy)
  if (groups.length === 0) {
    const wanted = state.asked.needs.map(({ group }) => group).join(' or ')
    throw notYours(`the request is for members of ${wanted}`)
  }
  const stepUp = [...(by.stepUp ?? []), ...state.asked.step_up.map(stepUpOf)]
  requireStepUp({ ...by, stepUp }, now)
  return groups
}

/** Who shows no name could be the other one: see `same_person`. */
function requireNamed(person: Person, whose: string, { samePerson }: Policy): void {
  if (!isNameless(person, samePerson)) return
  const claim = samePerson[person.issuer]
  throw notYours(`${whose} has no claim ${claim}, by which people are told apart`)
}

/** Why this person may not decide the request now, in one sentence; undefined when they may. */
export function hindrance(
  by: Caller,
  state: ApprovalState,
  policy: Policy,
  now: Date,
): string | undefined {
  try {
    requireEligible(by, state, policy, now)
    return undefined
  } catch (error) {
    if (error instanceof CredctlError) return error.message
    throw error
  }
}

function stepUpOf({ max_age, acr }: ApprovalState['asked']['step_up'][number]) {
  return { max_age, acr: acr === undefined ? undefined : [...acr] }
}

function notYours(message: string): CredctlError {
  return new CredctlError('approval_not_yours', message)
}
