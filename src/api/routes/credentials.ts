import type { Context } from 'hono'
import { CredctlError, isCredctlError } from '../../errors.ts'
import { authenticate } from '../authenticate.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

/** `GET /v1/credentials/{target}`: the credential itself, in the target's native shape. */
export function credentialEndpoint(parts: ApiParts) {
  return async (context: Context<ApiEnv>): Promise<Response> => {
    // Routers answer HEAD by way of GET, which here would make a credential for nobody.
    if (context.req.method === 'HEAD') throw new CredctlError('not_found', 'use GET')
    const principal = await authenticate(parts, context, 'fetchCredential')
    if (principal.kind !== 'grant') {
      throw new CredctlError('caller_not_permitted', 'credentials are fetched with a grant token')
    }
    const { grant, plan } = principal.claims
    await parts.limits.refusals.check(grant)
    const minted = await parts.broker
      .credential({
        grant,
        plan,
        target: context.req.param('target') ?? '',
        request: context.get('request'),
      })
      .catch(async (error: unknown) => {
        // These are entries in the log, which a caller in a loop must not fill.
        if (isCredctlError(error, 'access_denied', 'plan_changed')) {
          await parts.limits.refusals.spend(grant)
        }
        throw error
      })
    parts.metrics.credentials.inc({ outcome: 'served' })
    return context.json(minted.credential.reveal())
  }
}
