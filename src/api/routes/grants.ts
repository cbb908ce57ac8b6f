import type { Context } from 'hono'
import type { z } from 'zod'
import { type Operation, owns, type Principal, requireReach, visibleGrants } from '../../access.ts'
import { isUlid } from '../../clock.ts'
import { type EndAnswer, type GrantDetails, type GrantRecord, grantQuery } from '../../contract.ts'
import { CredctlError } from '../../errors.ts'
import type { Caller } from '../../identity/caller.ts'
import type { CredentialState, GrantState } from '../../ledger/ledger.ts'
import { authenticate } from '../authenticate.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

const PAGE = 100

/** `GET /v1/grants`: one's own, newest first; everybody's for operators and auditors. */
export function listGrants(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'listGrants')
    const { live, ...filter } = queryOf(context)
    const found = await parts.ledger.grants({
      ...visibleGrants(principal),
      ...filter,
      ...(live === 'true' ? { live: true } : {}),
      limit: PAGE + 1,
    })
    const page = found.slice(0, PAGE)
    const next = found.length > PAGE ? page.at(-1)?.id : undefined
    const grants = page.map((grant) => grantRecord(grant, parts.clock.now()))
    return context.json(next === undefined ? { grants } : { grants, next }, 200)
  }
}

/** A misspelt filter must not mean "everything": what is unknown or given twice is refused. */
function queryOf(context: Context<ApiEnv>): z.infer<typeof grantQuery> {
  const given = Object.entries(context.req.queries())
  const single = given.map(([name, values]) => [name, values.length === 1 ? values[0] : values])
  const parsed = grantQuery.safeParse(Object.fromEntries(single))
  if (parsed.success) return parsed.data
  throw new CredctlError('request_invalid', 'the query is not accepted', {
    hint: 'Each at most once: live (true or false), scope, environment, before (the id of a grant).',
  })
}

/** `GET /v1/grants/{id}`: its state and its credentials, never a secret. */
export function showGrant(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const { state } = await visible(parts, context, 'showGrant')
    const credentials = await parts.ledger.credentials(state.id)
    const body: GrantDetails = {
      ...grantRecord(state, parts.clock.now()),
      credentials: credentials.map(credentialRecord),
    }
    return context.json(body, 200)
  }
}

/** `DELETE /v1/grants/{id}`: ends it, on the record and at every target. */
export function endGrant(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'endGrant')
    const waiting = await ownWaiting(parts, context, principal)
    if (waiting !== undefined && principal.kind === 'caller') {
      const { id } = waiting
      await parts.broker.approvals.cancel(id, principal.caller, context.get('request'))
      return context.json({ id, revocations: [] } satisfies EndAnswer, 200)
    }
    const state = await reachable(parts, context, 'endGrant', principal)
    const cause = owns(principal, state) ? 'caller' : 'operator'
    const by = principal.kind === 'caller' ? principal.caller : holder(state)
    const results = await parts.broker.end(state, cause, by, context.get('request'))
    const body: EndAnswer = {
      id: state.id,
      revocations: results.map((result) => ({
        target: result.target,
        outcome: result.outcome,
        ...('expiresAt' in result ? { expires_at: result.expiresAt.toISOString() } : {}),
        ...(result.outcome === 'pending' ? { code: result.code } : {}),
      })),
    }
    return context.json(body, 200)
  }
}

/** `GET /v1/grants/{id}/receipts`: proofs that the grant's entries are in the log. */
export function grantReceipts(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const { state } = await visible(parts, context, 'showGrant')
    const entries = await parts.log.entriesOfGrant(state.id)
    const receipts = await Promise.all(
      entries.map(async ({ index, bytes }) => ({
        index,
        entry: Buffer.from(bytes).toString('utf8'),
        receipt: (await parts.log.receipt(index)) ?? '',
      })),
    )
    return context.json({ id: state.id, receipts }, 200)
  }
}

/** The grant that a request names, if it is the principal's to reach. */
async function visible(
  parts: ApiParts,
  context: Context<ApiEnv>,
  operation: Operation,
): Promise<{ principal: Principal; state: GrantState }> {
  const principal = await authenticate(parts, context, operation)
  return { principal, state: await reachable(parts, context, operation, principal) }
}

async function reachable(
  parts: ApiParts,
  context: Context<ApiEnv>,
  operation: Operation,
  principal: Principal,
): Promise<GrantState> {
  const id = context.req.param('id') ?? ''
  const state = isUlid(id) ? await parts.ledger.grant(id) : undefined
  requireReach(operation, principal, state, parts.clock.now())
  return state
}

/** A request that waits under this id, if it is the caller's own: ending it takes it back. */
async function ownWaiting(parts: ApiParts, context: Context<ApiEnv>, principal: Principal) {
  const id = context.req.param('id') ?? ''
  const state = isUlid(id) ? await parts.ledger.approval(id) : undefined
  const open = state?.status === 'pending' || state?.status === 'approved'
  return open && owns(principal, state) ? state : undefined
}

/** Whoever holds the grant token acts as the grant's own caller. */
function holder(state: GrantState): Caller {
  return { ...state.caller, roles: [] }
}

function grantRecord(state: GrantState, now: Date): GrantRecord {
  const { ended } = state
  const status = ended === undefined ? (state.expiresAt > now ? 'live' : 'expired') : 'ended'
  return {
    id: state.id,
    status,
    scope: state.scope,
    scope_digest: state.scopeDigest,
    environment: state.environment,
    plan: state.plan,
    parameters: { ...state.parameters },
    intent: state.intent,
    caller: {
      class: state.caller.class,
      issuer: state.caller.issuer,
      subject: state.caller.subject,
    },
    issued_at: state.issuedAt.toISOString(),
    expires_at: state.expiresAt.toISOString(),
    ...(ended === undefined ? {} : { ended: { at: ended.at.toISOString(), cause: ended.cause } }),
  }
}

function credentialRecord(state: CredentialState): GrantDetails['credentials'][number] {
  return {
    id: state.id,
    target: state.target,
    status: state.status,
    requested_at: state.requestedAt.toISOString(),
    ...(state.expiresAt === undefined ? {} : { expires_at: state.expiresAt.toISOString() }),
  }
}
