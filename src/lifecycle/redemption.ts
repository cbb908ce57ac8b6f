import { evidenceOf } from '../approval/approval.ts'
import { type Clock, type Random, ulid } from '../clock.ts'
import type { Evidence } from '../decision/approval.ts'
import type { Grant } from '../decision/decide.ts'
import { evaluate } from '../decision/evaluate.ts'
import type { Policy } from '../decision/policy.ts'
import type { Reason } from '../decision/reason.ts'
import type { Environment } from '../environment/environment.ts'
import { CredctlError, isCredctlError } from '../errors.ts'
import type { Caller } from '../identity/caller.ts'
import type { EntryCaller, Handle } from '../ledger/entry.ts'
import type { GrantState, Ledger } from '../ledger/ledger.ts'
import {
  credentialFailed,
  credentialMinted,
  credentialRefused,
  credentialRequested,
} from '../ledger/record.ts'
import { type Mint, type Minted, mintCredential } from '../mint/mint.ts'
import type { Mints } from '../mint/mints.ts'
import type { Catalog } from '../scope/catalog.ts'

export interface RedemptionParts {
  readonly catalog: () => Catalog
  readonly environments: ReadonlyMap<string, Environment>
  readonly ledger: Ledger
  readonly mints: Mints
  readonly policy?: Policy | undefined
  readonly clock: Clock
  readonly random: Random
}

/** A fetch of one target's credential under a grant that is still live. */
export interface Fetch {
  readonly state: GrantState
  readonly target: string
  /** Plan digest as the broker signed it into the grant token: the database cannot change it. */
  readonly signedPlan: string
  readonly request: string
}

/** What was minted, and the id under which it is recorded. */
export interface Redeemed extends Minted {
  readonly id: string
}

/** Fetches after restarts and on other replicas mint anew; a loop of them ends here. */
const CREDENTIALS_PER_TARGET = 8
const FAILURES_PER_MINUTE = 10

/** Decides again, records, mints, records: in this order, and nothing leaves before the last. */
export async function redeem(parts: RedemptionParts, fetch: Fetch): Promise<Redeemed> {
  const grant = await decideAgain(parts, fetch)
  await refuseLoops(parts, fetch)
  const attempt = await recordIntent(parts, fetch, grant)
  const minted = await mintOrRecordFailure(parts, fetch, grant, attempt)
  await recordOutcome(parts, fetch, attempt, minted)
  return { ...minted, id: attempt.credential }
}

/**
 * The grant was allowed when it was asked for; today's catalogue must still allow it, and give
 * exactly the plan that was signed. A changed scope means a new request, never a changed grant.
 */
async function decideAgain(parts: RedemptionParts, fetch: Fetch): Promise<Grant> {
  const { state, target, signedPlan } = fetch
  const evaluation = evaluate(
    { ...state },
    {
      grantId: state.id,
      caller: callerOf(state.caller),
      found: parts.catalog().scopes.get(state.scope),
      environment: parts.environments.get(state.environment),
      usage: { liveGrants: 0, grantsLastDay: 0 },
      policy: parts.policy,
      approval: await approvalOf(parts, state),
      issuedAt: state.issuedAt,
      notAfter: state.expiresAt,
      now: parts.clock.now(),
    },
  )
  const { decision, plan } = evaluation
  if (decision.outcome === 'deny') {
    return await refuse(parts, fetch, decision.reasons, 'access_denied', evaluation.disclosed)
  }
  if (plan?.digest !== state.plan || plan.digest !== signedPlan) {
    const message = 'the scope or environment changed since the grant; request a new one'
    return await refuse(parts, fetch, [{ code: 'plan_changed', message }], 'plan_changed')
  }
  if (decision.outcome === 'needs_approval') {
    return await refuse(parts, fetch, decision.reasons, 'approval_required')
  }
  if (!Object.hasOwn(plan.targets, target)) {
    const known = Object.keys(plan.targets).join(' or ')
    const message = `this grant has no target ${JSON.stringify(target)}`
    throw new CredctlError('target_unknown', message, { hint: `its targets are ${known}` })
  }
  return decision.grant
}

/** What people said is read from the log again, for every fetch that mints. */
async function approvalOf(
  { ledger }: RedemptionParts,
  { id, approved }: GrantState,
): Promise<Evidence | undefined> {
  const state = approved ? await ledger.approval(id) : undefined
  return state === undefined ? undefined : evidenceOf(state)
}

async function refuse(
  parts: RedemptionParts,
  { state, target, request }: Fetch,
  reasons: readonly Reason[],
  code: 'access_denied' | 'plan_changed' | 'approval_required',
  disclosed = reasons,
): Promise<never> {
  const occasion = { request, now: parts.clock.now() }
  const link = { grant: state.id, previous: state.lastIndex }
  await parts.ledger.append(credentialRefused(occasion, link, { target, reasons }))
  throw new CredctlError(code, disclosed.map(({ message }) => message).join('; '))
}

/** Every try is two entries: a caller in a loop must not fill the log, nor the target with logins. */
async function refuseLoops(parts: RedemptionParts, { state, target }: Fetch): Promise<void> {
  const credentials = await parts.ledger.credentials(state.id)
  const here = credentials.filter((each) => each.target === target)
  const made = here.filter(({ status }) => status !== 'failed')
  if (made.length >= CREDENTIALS_PER_TARGET) {
    const message = `the grant has already had ${made.length} credentials for ${target}`
    throw new CredctlError('limit_reached', message, { hint: 'request a new grant' })
  }
  const since = parts.clock.now().getTime() - 60_000
  const failed = here.filter(({ status, requestedAt }) => {
    return status === 'failed' && requestedAt.getTime() > since
  })
  if (failed.length < FAILURES_PER_MINUTE) return
  const message = `${failed.length} tries for ${target} failed within a minute`
  throw new CredctlError('rate_limited', message, { hint: 'wait a minute' })
}

interface Attempt {
  readonly mint: Mint
  readonly credential: string
  readonly handle: Handle
  /** Index of the entry that says it was about to be made. */
  readonly index: number
}

async function recordIntent(parts: RedemptionParts, fetch: Fetch, grant: Grant): Promise<Attempt> {
  const { state, target, request } = fetch
  const now = parts.clock.now()
  const credential = ulid(parts.clock, parts.random)
  const mint = parts.mints.of(state.environment, target)
  const named = mint.handle(grant, target, credential)
  const record = async (handle: Handle): Promise<Attempt> => {
    const link = { grant: state.id, previous: state.lastIndex }
    const place = { credential, target, handle, plan: grant.plan.digest }
    const entry = credentialRequested({ request, now }, link, place)
    const { index } = await parts.ledger.append(entry, { grant: 'live' })
    return { mint, credential, handle, index }
  }
  const handle = await preparedHandle(mint, grant, target, named).catch(
    async (failure: CredctlError) => {
      // On the record like a mint that failed, under the name it would have had.
      await recordFailure(parts, fetch, await record(named), failure.code)
      throw failure
    },
  )
  try {
    return await record(handle)
  } catch (error) {
    // What was prepared lets nobody in and ends by itself; sooner is better.
    if (handle !== named) await mint.revoke(handle, now, 'unissued').catch(() => undefined)
    throw error
  }
}

/** Rejects with our own errors alone: what else went wrong is for the operator's log. */
async function preparedHandle(
  mint: Mint,
  grant: Grant,
  target: string,
  named: Handle,
): Promise<Handle> {
  try {
    return (await mint.prepare?.(grant, target, named)) ?? named
  } catch (error) {
    throw asFailure(error)
  }
}

function asFailure(error: unknown): CredctlError {
  if (isCredctlError(error)) return error
  return new CredctlError('internal', 'minting failed', { cause: error })
}

/**
 * A failed mint is on the record before its answer leaves. What the target did is unknown then: the
 * handle is revoked meanwhile, and what that misses, the reconciliation of targets finds.
 */
async function mintOrRecordFailure(
  parts: RedemptionParts,
  fetch: Fetch,
  grant: Grant,
  attempt: Attempt,
): Promise<Minted> {
  try {
    return await mintCredential(attempt.mint, grant, fetch.target, attempt.handle)
  } catch (error) {
    const failure = asFailure(error)
    void attempt.mint.revoke(attempt.handle, grant.expiresAt, 'unissued').catch(() => undefined)
    await recordFailure(parts, fetch, attempt, failure.code)
    throw failure
  }
}

/** Without a record the credential stays without outcome, and the sweep finds it. */
async function recordFailure(
  parts: RedemptionParts,
  fetch: Fetch,
  attempt: Attempt,
  code: string,
): Promise<void> {
  const { occasion, link, place } = after(parts, fetch, attempt)
  const entry = credentialFailed(occasion, link, place, code)
  await parts.ledger.append(entry, { credential: 'open' }).catch(() => undefined)
}

/**
 * Refused when the grant ended meanwhile, or when the sweep took the credential for left behind:
 * then nobody gets it. What cannot be undone now stays without outcome, and the sweep tries again.
 */
async function recordOutcome(
  parts: RedemptionParts,
  fetch: Fetch,
  attempt: Attempt,
  minted: Minted,
): Promise<void> {
  const { occasion, link, place } = after(parts, fetch, attempt)
  const entry = credentialMinted(occasion, link, place, minted)
  try {
    await parts.ledger.append(entry, { grant: 'live', credential: 'open' })
  } catch (error) {
    const { mint } = attempt
    const handle = minted.handle ?? attempt.handle
    const undone = await mint.revoke(handle, minted.expiresAt, 'unissued').catch(() => undefined)
    const code = isCredctlError(error) ? error.code : 'internal'
    if (undone !== undefined) await recordFailure(parts, fetch, attempt, code)
    throw error
  }
}

function after(parts: RedemptionParts, { state, target, request }: Fetch, attempt: Attempt) {
  return {
    occasion: { request, now: parts.clock.now() },
    link: { grant: state.id, previous: attempt.index },
    place: { credential: attempt.credential, target },
  }
}

/** Roles are not needed to redeem and are not recorded, so none come back. */
function callerOf(recorded: EntryCaller): Caller {
  return { ...recorded, roles: [] }
}
