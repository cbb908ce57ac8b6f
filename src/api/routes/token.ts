import type { Context } from 'hono'
import type { CredctlError } from '../../errors.ts'
import type { Caller } from '../../identity/caller.ts'
import { identify, type Presented } from '../../identity/presented.ts'
import type { GrantAnswer } from '../../lifecycle/granting.ts'
import { known } from '../authenticate.ts'
import { readBody } from '../body.ts'
import { announceEmergency } from '../break-glass.ts'
import { tokenAnswer } from '../grant-answer.ts'
import { describe, oauthErrorOf } from '../oauth-error.ts'
import type { PollPace } from '../pace.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'
import { provenKey } from '../possession.ts'
import { asCredctlError, retryAfter } from '../problem.ts'
import { identityKey } from '../rate-limits.ts'
import {
  type BadToken,
  parseTokenRequest,
  type TokenRequest,
  TokenRequestError,
} from '../token-request.ts'
import { holderOf, pendingBody, poll } from './deferred.ts'

type Denied = Extract<GrantAnswer, { outcome: 'deny' }>
type Waiting = Extract<GrantAnswer, { outcome: 'needs_approval' }>
type Asking = Extract<TokenRequest, { kind: 'ask' }>

/** `POST /token`: an identity token and a task in, a grant token out. */
export function tokenEndpoint(parts: ApiParts, pace: PollPace) {
  return async (context: Context<ApiEnv>): Promise<Response> => {
    const state: { badToken?: BadToken } = {}
    try {
      // Outside the gate: whoever sends slowly must not take up a place in it.
      const body = await readBody(context, 'application/x-www-form-urlencoded')
      const request = parseTokenRequest(body, parts.url)
      state.badToken = request.badToken
      return await parts.limits.asks.pass(() =>
        request.kind === 'ask'
          ? exchange(parts, context, request)
          : poll(parts, context, pace, request),
      )
    } catch (error) {
      return refuse(parts, context, asCredctlError(error), state.badToken)
    }
  }
}

async function exchange(
  parts: ApiParts,
  context: Context<ApiEnv>,
  { presented, ask, deferrable }: Asking,
): Promise<Response> {
  const { caller, thumbprint } = await known(parts, context, () =>
    identified(parts, context, presented),
  )
  await parts.limits.refusals.check(identityKey(caller))

  const answer = await parts.broker.requestGrant(caller, ask, context.get('request'))
  count(parts, caller, answer)
  announceEmergency(parts, context.get('request'), ask, answer)
  if (answer.outcome === 'allow') return context.json(await tokenAnswer(parts, thumbprint, answer))
  await parts.limits.refusals.spend(identityKey(caller))
  if (answer.outcome === 'deny') return context.json(deniedBody(context, answer), 400)
  if (!deferrable) return context.json(approvalRequiredBody(parts, context, answer), 400)
  const code = parts.deferrals.issue(answer.waiting.id, holderOf(caller, thumbprint))
  return context.json(pendingBody(parts, context, answer, code), 400)
}

interface Verified {
  readonly caller: Caller
  /** Of the key that the request proved to hold, to which the grant token will be bound. */
  readonly thumbprint: string | undefined
}

async function identified(
  parts: ApiParts,
  context: Context<ApiEnv>,
  presented: Presented,
): Promise<Verified> {
  // First, because a proof that must be repeated with a nonce must not have spent the token.
  const thumbprint = await provenKey(parts, context)
  return { caller: await identify(parts.verifier, presented), thumbprint }
}

function count(parts: ApiParts, caller: Caller, answer: GrantAnswer): void {
  const code = answer.outcome === 'allow' ? 'allowed' : (answer.disclosed[0]?.code ?? 'denied')
  parts.metrics.decisions.inc({ outcome: answer.outcome, class: caller.class, code })
}

function deniedBody(context: Context<ApiEnv>, { id, disclosed }: Denied) {
  return {
    error: 'access_denied',
    error_description: describe({ message: disclosed.map(({ message }) => message).join('; ') }),
    code: 'access_denied',
    request: context.get('request'),
    grant: id,
    reasons: disclosed,
  }
}

/** For a client that cannot wait: the same request with a fresh token, once it is approved. */
function approvalRequiredBody(parts: ApiParts, context: Context<ApiEnv>, answer: Waiting) {
  const { deferral_code, expires_in, interval, ...body } = pendingBody(parts, context, answer, '')
  const message = `approval required (${body.approval.binding_code}): ask again once it is approved`
  return { ...body, error: 'access_denied', error_description: describe({ message }) }
}

function refuse(
  parts: ApiParts,
  context: Context<ApiEnv>,
  error: CredctlError,
  badToken: BadToken = 'invalid_request',
): Response {
  const request = context.get('request')
  const { status, body } = oauthErrorOf(error, request, badToken)
  parts.logger.info(
    { request, code: error.code, err: error.cause },
    `token refused: ${error.message}`,
  )
  const wait = retryAfter(error)
  if (wait !== undefined) context.header('Retry-After', wait)
  if (error instanceof TokenRequestError) body.error = error.oauth
  return context.json(body, status)
}
