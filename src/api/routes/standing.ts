import type { Context } from 'hono'
import { CredctlError, isCredctlError } from '../../errors.ts'
import type { Caller } from '../../identity/caller.ts'
import { authenticate } from '../authenticate.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'
import { identityKey } from '../rate-limits.ts'
import { type StandingGrant, StandingGrants, type StandingTask } from '../standing-grants.ts'

interface Place extends StandingTask {
  readonly target: string
}

/**
 * `GET /compat/aws/{scope}/{environment}/{target}`: the credential of an AWS target for a workload
 * that has an identity token and no code of ours, as the container-credentials endpoint of AWS SDKs.
 * The grant behind it is decided, recorded and limited like any other.
 */
export function standingCredentialEndpoint(parts: ApiParts) {
  const standing = new StandingGrants(parts.clock)
  return async (context: Context<ApiEnv>): Promise<Response> => {
    // Routers answer HEAD by way of GET, which here would make a credential for nobody.
    if (context.req.method === 'HEAD') throw new CredctlError('not_found', 'use GET')
    const principal = await authenticate(parts, context, 'standingCredential')
    if (principal.kind !== 'caller') {
      throw new CredctlError('caller_not_permitted', 'this is asked for with an identity token')
    }
    const { caller } = principal
    await parts.limits.refusals.check(identityKey(caller))
    const place = placeOf(context)
    const request = context.get('request')
    const start = () => startGrant(parts, caller, place, request)
    const { id, plan } = await standing.get(caller, place, start)
    const fetched = { grant: id, plan, target: place.target, request }
    const { credential } = await parts.broker.credential(fetched).catch(async (error: unknown) => {
      if (isCredctlError(error, 'access_denied', 'plan_changed')) {
        standing.forget(caller, place)
        await parts.limits.refusals.spend(identityKey(caller))
      }
      throw error
    })
    parts.metrics.credentials.inc({ outcome: 'served' })
    return context.json(credential.reveal())
  }
}

function placeOf(context: Context<ApiEnv>): Place {
  const named = (name: string) => context.req.param(name) ?? ''
  return { scope: named('scope'), environment: named('environment'), target: named('target') }
}

async function startGrant(
  parts: ApiParts,
  caller: Caller,
  { scope, environment, target }: Place,
  request: string,
): Promise<StandingGrant> {
  const intent = 'credentials for the AWS SDK of a workload'
  const ask = { scope, environment, intent, parameters: {} }
  // First, so that a mistaken path leaves no grant behind that nobody uses.
  const { plan } = await parts.broker.plan(caller, ask)
  if (plan !== undefined && plan.targets[target]?.kind !== 'aws') {
    throw new CredctlError('target_unknown', 'the scope has no AWS target of this name')
  }
  const answer = await parts.broker.requestGrant(caller, ask, request)
  const code = answer.outcome === 'allow' ? 'allowed' : (answer.disclosed[0]?.code ?? 'denied')
  parts.metrics.decisions.inc({ outcome: answer.outcome, class: caller.class, code })
  if (answer.outcome === 'allow') {
    const { id, plan: granted, issuedAt, expiresAt } = answer.grant
    return { id, plan: granted.digest, issuedAt, expiresAt }
  }
  await parts.limits.refusals.spend(identityKey(caller))
  const message = answer.disclosed.map((reason) => reason.message).join('; ')
  if (answer.outcome === 'deny') throw new CredctlError('access_denied', message)
  throw new CredctlError('approval_required', message || 'people have to agree to this first')
}
