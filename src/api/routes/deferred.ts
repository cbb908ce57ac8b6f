import type { Context } from 'hono'
import type { Caller } from '../../identity/caller.ts'
import type { DeferralHolder } from '../../identity/deferral.ts'
import { identify } from '../../identity/presented.ts'
import type { GrantAnswer, RedemptionAnswer } from '../../lifecycle/granting.ts'
import { known } from '../authenticate.ts'
import { announceEmergency } from '../break-glass.ts'
import { tokenAnswer } from '../grant-answer.ts'
import { describe, type OAuthErrorName } from '../oauth-error.ts'
import { INTERVAL_SECONDS, type PollPace } from '../pace.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'
import { provenKey } from '../possession.ts'
import { type TokenRequest, TokenRequestError } from '../token-request.ts'

type Poll = Extract<TokenRequest, { kind: 'poll' }>
type Waiting = Extract<GrantAnswer, { outcome: 'needs_approval' }>
type Over = Extract<RedemptionAnswer, { outcome: 'over' }>

/** What a deferral code is bound to: the key of the request if it proved one, else its identity. */
export function holderOf(
  { issuer, subject }: Caller,
  thumbprint: string | undefined,
): DeferralHolder {
  if (thumbprint !== undefined) return { kind: 'key', thumbprint }
  return { kind: 'identity', issuer, subject }
}

/** Asks again about a request that waits (draft-ietf-oauth-deferred-token-response). */
export async function poll(
  parts: ApiParts,
  context: Context<ApiEnv>,
  pace: PollPace,
  request: Poll,
): Promise<Response> {
  const { id, thumbprint, proven } = await known(parts, context, () =>
    heldBy(parts, context, request),
  )
  if (pace.tooSoon(id)) {
    const message = 'polled too soon; wait 5 seconds longer between polls from now on'
    throw new TokenRequestError('slow_down', message)
  }
  const answer = await parts.broker.redeem(id, context.get('request'), proven)
  switch (answer.outcome) {
    case 'allow':
      parts.metrics.decisions.inc({
        outcome: 'allow',
        class: answer.grant.caller.class,
        code: 'approved',
      })
      announceEmergency(parts, context.get('request'), answer.ask, answer)
      return context.json(await tokenAnswer(parts, thumbprint, answer))
    case 'needs_approval':
      return context.json(pendingBody(parts, context, answer, request.code), 400)
    case 'deny':
      return context.json(deniedBody(context, answer), 400)
    case 'over':
      return context.json(overBody(context, answer), 400)
  }
}

interface Held {
  readonly id: string
  readonly thumbprint: string | undefined
  /** The poller as its token shows it now; absent where only the key was proven. */
  readonly proven: Caller | undefined
}

/** A code that is nobody's, somebody else's or made up: one answer. Errors: `invalid_grant`. */
async function heldBy(
  parts: ApiParts,
  context: Context<ApiEnv>,
  { code, presented }: Poll,
): Promise<Held> {
  const thumbprint = await provenKey(parts, context)
  if (thumbprint !== undefined) {
    const id = parts.deferrals.read(code, { kind: 'key', thumbprint })
    if (id !== undefined) return { id, thumbprint, proven: undefined }
  }
  if (presented === undefined) throw notHeld()
  const proven = await identify(parts.verifier, presented, {})
  const id = parts.deferrals.read(code, holderOf(proven, undefined))
  if (id === undefined) throw notHeld()
  return { id, thumbprint, proven }
}

function notHeld(): TokenRequestError {
  const hint =
    'Poll with the DPoP key of the request, or with a token of its identity as client_assertion.'
  return new TokenRequestError(
    'invalid_grant',
    'this deferral_code is not one of this client',
    hint,
  )
}

/** The request waits: what to poll with, and the letters that both sides see. */
export function pendingBody(
  parts: ApiParts,
  context: Context<ApiEnv>,
  { waiting, disclosed }: Waiting,
  code: string,
) {
  const { id, asked, expiresAt } = waiting
  const left = expiresAt.getTime() - parts.clock.now().getTime()
  const message = `approval ${asked.code} comes first; the request waits for it`
  return {
    error: 'authorization_pending' satisfies OAuthErrorName as OAuthErrorName,
    error_description: describe({ message }),
    error_uri: `${parts.url}/v1/approvals/${id}`,
    code: 'approval_required',
    request: context.get('request'),
    grant: id,
    reasons: disclosed,
    approval: {
      id,
      binding_code: asked.code,
      needs: asked.needs,
      expires_at: expiresAt.toISOString(),
    },
    deferral_code: code,
    expires_in: Math.max(0, Math.floor(left / 1000)),
    interval: INTERVAL_SECONDS,
  }
}

const OVER: Readonly<Record<Over['status'], { error: OAuthErrorName; message: string }>> = {
  denied: { error: 'access_denied', message: 'people denied the request' },
  cancelled: { error: 'access_denied', message: 'the request was taken back' },
  void: { error: 'access_denied', message: 'what was asked for changed meanwhile; ask again' },
  expired: { error: 'expired_token', message: 'nobody approved the request in time' },
  redeemed: { error: 'invalid_grant', message: 'the deferral_code was used before' },
}

function overBody(context: Context<ApiEnv>, { id, status }: Over) {
  const { error, message } = OVER[status]
  const request = context.get('request')
  return { error, error_description: message, code: `approval_${status}`, request, grant: id }
}

function deniedBody(context: Context<ApiEnv>, answer: Extract<GrantAnswer, { outcome: 'deny' }>) {
  const { id, disclosed } = answer
  return {
    error: 'access_denied' as const,
    error_description: describe({ message: disclosed.map(({ message }) => message).join('; ') }),
    code: 'access_denied',
    request: context.get('request'),
    grant: id,
    reasons: disclosed,
  }
}
