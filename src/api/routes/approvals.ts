import type { Context } from 'hono'
import type { z } from 'zod'
import {
  type Operation,
  type Principal,
  requireApprovalReach,
  requireEverything,
  seesEverything,
} from '../../access.ts'
import { isUlid } from '../../clock.ts'
import {
  approvalQuery,
  type BatchVerdictAnswer,
  batchVerdictRequest,
  verdictRequest,
} from '../../contract/approvals.ts'
import { CredctlError, isCredctlError } from '../../errors.ts'
import type { Caller } from '../../identity/caller.ts'
import { StepUpRequired } from '../../identity/step-up.ts'
import type { ApprovalFilter, ApprovalState } from '../../ledger/ledger.ts'
import { approvalRecord } from '../approval-record.ts'
import { authenticate } from '../authenticate.ts'
import { parseUnambiguous, readBody } from '../body.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

const PAGE = 100

/** `GET /v1/approvals`: those that wait, newest first; one's own for people without a role. */
export function listApprovals(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'listApprovals')
    const caller = personOf(principal)
    const found = await parts.broker.approvals.list({
      ...filterOf(queryOf(context), caller, parts),
      ...(seesEverything('listApprovals', principal) ? {} : { owner: caller }),
      limit: PAGE + 1,
    })
    const page = found.slice(0, PAGE)
    const next = found.length > PAGE ? page.at(-1)?.id : undefined
    const approvals = page.map((state) => shown(parts, state, caller))
    return context.json(next === undefined ? { approvals } : { approvals, next }, 200)
  }
}

/** `GET /v1/approvals/{id}`: with the plan itself, as long as it is what was asked for. */
export function showApproval(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'showApproval')
    const state = await reached(parts, context, 'showApproval', principal)
    const plan = parts.broker.approvals.planOf(state)
    const body = {
      ...shown(parts, state, personOf(principal)),
      ...(plan === undefined ? {} : { contents: plan }),
    }
    return context.json(body, 200)
  }
}

/** `POST /v1/approvals/{id}`: one person's word on one request. */
export function decideApproval(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'decideApproval')
    requireEverything('decideApproval', principal)
    const by = personOf(principal)
    const said = await bodyOf(context, verdictRequest)
    const word = { ...said, id: idOf(context), by, via: viaOf(context) }
    const state = await parts.broker.approvals.give(word, context.get('request'))
    return context.json(approvalRecord(state), 200)
  }
}

/** `POST /v1/approvals`: the same word on several requests; each is recorded, or refused, alone. */
export function decideApprovals(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'decideApproval')
    requireEverything('decideApproval', principal)
    const by = personOf(principal)
    const { requests, ...said } = await bodyOf(context, batchVerdictRequest)
    const results: BatchVerdictAnswer['results'] = []
    for (const about of requests) {
      const word = { ...said, ...about, by, via: viaOf(context) }
      const result = await parts.broker.approvals.give(word, context.get('request')).then(
        ({ id, status }) => ({ id, status }),
        (error: unknown) => refusedOne(about.id, error),
      )
      results.push(result)
    }
    return context.json({ results }, 200)
  }
}

/** `DELETE /v1/approvals/{id}`: the requester, or an operator, takes a request back. */
export function cancelApproval(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'cancelApproval')
    const found = await reached(parts, context, 'cancelApproval', principal)
    const by = personOf(principal)
    const { id } = found
    const state = await parts.broker.approvals.cancel(id, by, context.get('request'))
    return context.json(approvalRecord(state), 200)
  }
}

/** Only people come here: the access table admits no grant token. */
function personOf(principal: Principal): Caller {
  if (principal.kind === 'caller') return principal.caller
  throw new CredctlError('caller_not_permitted', 'a grant decides nothing')
}

function idOf(context: Context<ApiEnv>): string {
  const id = context.req.param('id') ?? ''
  if (isUlid(id)) return id
  throw new CredctlError('approval_not_found', 'there is no such request for approval')
}

/** An id alone is no authority: what is neither one's own nor one's business does not exist. */
async function reached(
  parts: ApiParts,
  context: Context<ApiEnv>,
  operation: Operation,
  principal: Principal,
): Promise<ApprovalState> {
  const state = await parts.broker.approvals.find(idOf(context))
  requireApprovalReach(operation, principal, state, parts.clock.now())
  return state
}

function shown(parts: ApiParts, state: ApprovalState, caller: Caller) {
  const hindrance =
    state.status === 'pending' ? parts.broker.approvals.hindrance(caller, state) : undefined
  return approvalRecord(state, hindrance)
}

type Query = z.infer<typeof approvalQuery>

function filterOf(
  { status = 'pending', mine, ...rest }: Query,
  caller: Caller,
  parts: ApiParts,
): Omit<ApprovalFilter, 'limit'> {
  const now = parts.clock.now()
  const open = { statuses: ['pending', 'approved'], endsAfter: now } as const
  const chosen = {
    pending: { statuses: ['pending'], endsAfter: now },
    approved: { statuses: ['approved'], endsAfter: now },
    open,
    all: {},
  } as const
  const forMe = { groups: parts.broker.approvals.groupsOf(caller), notOwner: caller }
  return { ...rest, ...chosen[status], ...(mine === 'true' ? forMe : {}) }
}

function queryOf(context: Context<ApiEnv>): Query {
  const given = Object.entries(context.req.queries())
  const single = given.map(([name, values]) => [name, values.length === 1 ? values[0] : values])
  const parsed = approvalQuery.safeParse(Object.fromEntries(single))
  if (parsed.success) return parsed.data
  throw new CredctlError('request_invalid', 'the query is not accepted', {
    hint: 'Each at most once: status (pending, approved, open, all), mine=true, scope, environment, before (an id).',
  })
}

async function bodyOf<T extends z.ZodType>(
  context: Context<ApiEnv>,
  schema: T,
): Promise<z.output<T>> {
  const json = parseUnambiguous(await readBody(context, 'application/json'))
  const parsed = schema.safeParse(json)
  if (json !== undefined && parsed.success) return parsed.data
  const where = parsed.error?.issues[0]?.path.join('.') ?? ''
  throw new CredctlError(
    'request_invalid',
    `the verdict is not accepted${where && ` at ${where}`}`,
    {
      hint: 'Send verdict (approve or deny), plan (the digest that was looked at) and, where it is required, reason.',
    },
  )
}

/** The CLI is an API client like any other and says so itself: it is noted, not believed. */
function viaOf(context: Context<ApiEnv>): 'api' | 'cli' {
  return context.req.header('user-agent')?.startsWith('credctl/') ? 'cli' : 'api'
}

/** A login that is too old is too old for all of them; the rest is about one request. */
function refusedOne(id: string, error: unknown) {
  if (error instanceof StepUpRequired || !isCredctlError(error)) throw error
  return { id, code: error.code, detail: error.message }
}
