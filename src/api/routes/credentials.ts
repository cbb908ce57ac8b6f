import type { Context } from 'hono'
import { credentialQuery, unwrapReport } from '../../contract/credentials.ts'
import { CredctlError, isCredctlError } from '../../errors.ts'
import type { GrantClaims } from '../../identity/grant-token.ts'
import type { Wrapped } from '../../mint/wrapping.ts'
import { authenticate } from '../authenticate.ts'
import { parseUnambiguous, readBody } from '../body.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

/**
 * `GET /v1/credentials/{target}`: the credential itself, in the target's native shape, or with
 * `?wrap=60s` a token of Vault's that opens it once.
 */
export function credentialEndpoint(parts: ApiParts) {
  return async (context: Context<ApiEnv>): Promise<Response> => {
    // Routers answer HEAD by way of GET, which here would make a credential for nobody.
    if (context.req.method === 'HEAD') throw new CredctlError('not_found', 'use GET')
    const { grant, plan } = await grantOf(parts, context, 'fetchCredential')
    const seconds = wrapSeconds(context)
    await parts.limits.refusals.check(grant)
    const target = context.req.param('target') ?? ''
    const fetched = { grant, plan, target, request: context.get('request') }
    const body = await bodyOf(parts, fetched, seconds).catch(async (error: unknown) => {
      // These are entries in the log, which a caller in a loop must not fill.
      if (isCredctlError(error, 'access_denied', 'plan_changed')) {
        await parts.limits.refusals.spend(grant)
      }
      throw error
    })
    parts.metrics.credentials.inc({ outcome: seconds === undefined ? 'served' : 'wrapped' })
    return context.json(body)
  }
}

/** `POST /v1/credentials/{target}/unwrap-failed`: whom it was for could not open it. */
export function unwrapFailedEndpoint(parts: ApiParts) {
  return async (context: Context<ApiEnv>): Promise<Response> => {
    const { grant } = await grantOf(parts, context, 'reportUnwrap')
    const report = unwrapReport.safeParse(
      parseUnambiguous(await readBody(context, 'application/json')),
    )
    if (!report.success) {
      throw new CredctlError('request_invalid', 'the report is not accepted', {
        hint: 'Send {"accessor": …} of the wrapped credential, never its token.',
      })
    }
    const { accessor } = report.data
    const target = context.req.param('target') ?? ''
    const request = context.get('request')
    const finding = await parts.broker.unwrapFailed({ grant, target, accessor, request })
    parts.metrics.wrappingReports.inc({ finding })
    if (finding !== 'closed') {
      parts.logger.error({ grant, target, accessor, finding, request }, 'a wrapping is gone')
    }
    return context.json({ finding })
  }
}

async function grantOf(
  parts: ApiParts,
  context: Context<ApiEnv>,
  operation: 'fetchCredential' | 'reportUnwrap',
): Promise<GrantClaims> {
  const principal = await authenticate(parts, context, operation)
  if (principal.kind === 'grant') return principal.claims
  throw new CredctlError('caller_not_permitted', 'credentials are fetched with a grant token')
}

/** A misspelt wrap must not mean "not wrapped": what is unknown or given twice is refused. */
function wrapSeconds(context: Context<ApiEnv>): number | undefined {
  const given = Object.entries(context.req.queries())
  const single = given.map(([name, values]) => [name, values.length === 1 ? values[0] : values])
  const parsed = credentialQuery.safeParse(Object.fromEntries(single))
  if (!parsed.success) {
    throw new CredctlError('request_invalid', 'the query is not accepted', {
      hint: 'At most wrap, once: whole seconds from 5s to 600s.',
    })
  }
  const { wrap } = parsed.data
  return wrap === undefined ? undefined : Number.parseInt(wrap, 10)
}

async function bodyOf(
  { broker }: ApiParts,
  fetched: Parameters<ApiParts['broker']['credential']>[0],
  seconds: number | undefined,
): Promise<object> {
  if (seconds === undefined) return (await broker.credential(fetched)).credential.reveal()
  return { wrapped: shown(await broker.wrappedCredential(fetched, seconds)) }
}

function shown({ token, namespace, ...wrapped }: Wrapped) {
  return {
    token: token.reveal(),
    accessor: wrapped.accessor,
    ttl: wrapped.seconds,
    creation_time: wrapped.createdAt,
    creation_path: wrapped.creationPath,
    address: wrapped.address,
    ...(namespace === undefined ? {} : { namespace }),
  }
}
