import type { Context } from 'hono'
import type { Broker } from '../../broker.ts'
import { TASK_DETAILS_TYPE, TOKEN_TYPES, type TokenAnswer } from '../../contract.ts'
import type { Grant } from '../../decision/decide.ts'
import type { Ask } from '../../decision/evaluate.ts'
import type { CredctlError } from '../../errors.ts'
import type { Caller } from '../../identity/caller.ts'
import { identify, type Presented } from '../../identity/presented.ts'
import { known } from '../authenticate.ts'
import { readBody } from '../body.ts'
import { describe, oauthErrorOf } from '../oauth-error.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'
import { provenKey } from '../possession.ts'
import { asCredctlError, retryAfter } from '../problem.ts'
import { identityKey } from '../rate-limits.ts'
import { parseTokenRequest, type TokenRequest, TokenRequestError } from '../token-request.ts'

type GrantAnswer = Awaited<ReturnType<Broker['requestGrant']>>
type Allowed = Extract<GrantAnswer, { outcome: 'allow' }>
type Denied = Extract<GrantAnswer, { outcome: 'deny' }>

/** `POST /token`: an identity token and a task in, a grant token out. */
export function tokenEndpoint(parts: ApiParts) {
  return async (context: Context<ApiEnv>): Promise<Response> => {
    const state: { request?: TokenRequest } = {}
    try {
      return await exchange(parts, context, state)
    } catch (error) {
      return refuse(parts, context, asCredctlError(error), state.request?.badToken)
    }
  }
}

async function exchange(
  parts: ApiParts,
  context: Context<ApiEnv>,
  state: { request?: TokenRequest },
): Promise<Response> {
  const body = await readBody(context, 'application/x-www-form-urlencoded')
  state.request = parseTokenRequest(body, parts.url)
  const { presented, ask } = state.request
  const { caller, thumbprint } = await known(parts, context, () =>
    identified(parts, context, presented),
  )
  await parts.limits.refusals.check(identityKey(caller))

  const answer = await parts.broker.requestGrant(caller, ask, context.get('request'))
  count(parts, caller, answer)
  if (answer.outcome === 'allow') {
    return context.json(await tokenAnswer(parts, { caller, thumbprint }, answer))
  }
  await parts.limits.refusals.spend(identityKey(caller))
  return context.json(deniedBody(context, answer), 400)
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

async function tokenAnswer(
  parts: ApiParts,
  { caller, thumbprint }: Verified,
  { ask, grant, guarantees }: Allowed,
): Promise<TokenAnswer> {
  const accessToken = await parts.grantTokens.issue({
    grant: grant.id,
    subject: caller.subject,
    client: caller.issuer,
    scope: ask.scope,
    environment: ask.environment,
    plan: grant.plan.digest,
    issuedAt: grant.issuedAt,
    expiresAt: grant.expiresAt,
    ...(caller.actor === undefined ? {} : { actor: caller.actor }),
    ...(thumbprint === undefined ? {} : { thumbprint }),
  })
  return {
    access_token: accessToken,
    issued_token_type: TOKEN_TYPES.access,
    token_type: thumbprint === undefined ? 'Bearer' : 'DPoP',
    expires_in: Math.floor((grant.expiresAt.getTime() - grant.issuedAt.getTime()) / 1000),
    authorization_details: [
      {
        type: TASK_DETAILS_TYPE,
        ...wireAsk(ask),
        grant: grant.id,
        plan: grant.plan.digest,
        expires_at: grant.expiresAt.toISOString(),
        targets: targetsOf(parts, grant, guarantees),
        blast_radius: wireBlastRadius(grant),
      },
    ],
  }
}

function wireAsk({ redacted, ...ask }: Ask) {
  return redacted === undefined ? ask : { ...ask, redacted: [...redacted] }
}

function targetsOf(parts: ApiParts, grant: Grant, guarantees: Allowed['guarantees']) {
  const targets = Object.entries(grant.plan.targets).map(([name, target]) => [
    name,
    {
      kind: target.kind,
      ...(target.kind === 'aws' ? { region: target.region } : {}),
      credential_endpoint: `${parts.url}/v1/credentials/${name}`,
      guarantees: [...(guarantees[name] ?? [])],
    },
  ])
  return Object.fromEntries(targets)
}

function wireBlastRadius(grant: Grant) {
  const { accounts, ...rest } = grant.plan.blastRadius
  return { ...rest, accounts: [...accounts] }
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

function refuse(
  parts: ApiParts,
  context: Context<ApiEnv>,
  error: CredctlError,
  badToken: TokenRequest['badToken'] = 'invalid_request',
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
