import {
  requireAccess,
  requireApprovalReach,
  requireEverything,
  seesEverything,
} from '../../access.ts'
import { isUlid } from '../../clock.ts'
import { verdictRequest } from '../../contract/approvals.ts'
import { CredctlError } from '../../errors.ts'
import type { LoginWish } from '../../identity/openid.ts'
import { requireStepUp, StepUpRequired, wishOf } from '../../identity/step-up.ts'
import type { ApprovalFilter, ApprovalState } from '../../ledger/ledger.ts'
import { type ApprovalListQuery, readApprovalQuery } from '../approval-query.ts'
import type { ConsoleContext, ConsoleParts, Person } from '../console.ts'
import { FORM_TOKEN, readForm } from '../form.ts'
import { answerPage } from '../page.ts'
import { basePath } from '../place.ts'
import { approvalView } from '../views/approval.ts'
import { approvalListView } from '../views/approval-list.ts'

const PAGE = 50

/** Requests that wait, as many as one page has room for: everybody's, or one's own. */
export async function waitingApprovals(
  parts: ConsoleParts,
  person: Person,
  limit: number,
): Promise<readonly ApprovalState[]> {
  return await parts.broker.approvals.list({ ...filterOf(parts, person, {}), limit })
}

/** `GET /console/approvals`: as `GET /v1/approvals`, with the same filters. */
export function approvalsPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const person = context.get('person')
    requireAccess('listApprovals', person.principal)
    const query = readApprovalQuery(context)
    const filter = { ...filterOf(parts, person, query), limit: PAGE + 1 }
    const found = await parts.broker.approvals.list(filter)
    const approvals = found.slice(0, PAGE)
    const next = found.length > PAGE ? approvals.at(-1)?.id : undefined
    return answerPage(parts, context, approvalListView(parts, person, { query, approvals, next }))
  }
}

function filterOf(
  { broker, clock }: ConsoleParts,
  { caller, principal }: Person,
  { status = 'pending', mine, ...names }: ApprovalListQuery,
): Omit<ApprovalFilter, 'limit'> {
  const endsAfter = clock.now()
  const chosen = {
    pending: { statuses: ['pending'], endsAfter },
    approved: { statuses: ['approved'], endsAfter },
    open: { statuses: ['pending', 'approved'], endsAfter },
    all: {},
  } as const
  return {
    ...names,
    ...chosen[status],
    ...(mine === 'true' ? { groups: broker.approvals.groupsOf(caller), notOwner: caller } : {}),
    ...(seesEverything('listApprovals', principal) ? {} : { owner: caller }),
  }
}

/** `GET /console/approvals/{id}`: with the plan in words, as long as it is what was asked for. */
export function approvalPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const person = context.get('person')
    requireAccess('showApproval', person.principal)
    const state = await parts.broker.approvals.find(idOf(context))
    requireApprovalReach('showApproval', person.principal, state, parts.clock.now())
    const plan = parts.broker.approvals.planOf(state)
    const hindrance = parts.broker.approvals.hindrance(person.caller, state)
    const wish = hindrance === undefined ? undefined : missingLogin(parts, person, state)
    return answerPage(parts, context, approvalView(parts, person, { state, plan, hindrance, wish }))
  }
}

/** `POST /console/approvals/{id}/decide`: as `POST /v1/approvals/{id}`. */
export function decideApproval(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const { principal, caller } = context.get('person')
    requireEverything('decideApproval', principal)
    const said = wordOf(await readForm(parts, context))
    const word = { ...said, id: idOf(context), by: caller, via: 'console' as const }
    const { id } = await parts.broker.approvals.give(word, context.get('request'))
    return context.redirect(`${basePath(parts)}/approvals/${id}`, 303)
  }
}

/** `POST /console/approvals/{id}/cancel`: as `DELETE /v1/approvals/{id}`. */
export function cancelApproval(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const { principal, caller } = context.get('person')
    requireAccess('cancelApproval', principal)
    await readForm(parts, context)
    const state = await parts.broker.approvals.find(idOf(context))
    requireApprovalReach('cancelApproval', principal, state, parts.clock.now())
    await parts.broker.approvals.cancel(state.id, caller, context.get('request'))
    return context.redirect(`${basePath(parts)}/approvals/${state.id}`, 303)
  }
}

function idOf({ req }: ConsoleContext): string {
  const id = req.param('id') ?? ''
  if (isUlid(id)) return id
  throw new CredctlError('approval_not_found', 'there is no such request for approval')
}

/** An empty reason is none. Browsers end lines as mail does. */
function wordOf(fields: ReadonlyMap<string, string>) {
  const given = [...fields].filter(([name, value]) => name !== FORM_TOKEN && value !== '')
  const lines = given.map(([name, value]) => [name, value.replaceAll('\r\n', '\n')])
  const parsed = verdictRequest.safeParse(Object.fromEntries(lines))
  if (parsed.success) return parsed.data
  const where = parsed.error.issues[0]?.path.join('.') ?? ''
  throw new CredctlError(
    'request_invalid',
    `the decision is not accepted${where && ` at ${where}`}`,
  )
}

/** The login that would be enough, when it is all that is missing. */
function missingLogin(
  { clock }: ConsoleParts,
  { caller }: Person,
  { asked }: ApprovalState,
): LoginWish | undefined {
  const wanted = asked.step_up.map(({ max_age, acr }) => ({
    max_age,
    acr: acr === undefined ? undefined : [...acr],
  }))
  try {
    requireStepUp({ ...caller, stepUp: [...(caller.stepUp ?? []), ...wanted] }, clock.now())
    return undefined
  } catch (error) {
    if (!(error instanceof StepUpRequired)) throw error
    return caller.roles.includes('approver') ? wishOf(error) : undefined
  }
}
