import type { Context } from 'hono'
import { refusalPage } from '../console/views/refusal.ts'
import type { ApiEnv, ApiParts } from './parts.ts'
import { challengeOf } from './possession.ts'
import { asCredctlError, problemOf, retryAfter, STATUS } from './problem.ts'

/**
 * Logs what happened with its cause, answers what the caller may know of it: as RFC 9457 to
 * programs, as a page below the console.
 */
export function problemAnswer(
  parts: ApiParts,
  context: Context<ApiEnv>,
  thrown: unknown,
): Response | Promise<Response> {
  const error = asCredctlError(thrown)
  const request = context.get('request')
  const status = STATUS[error.code]
  parts.logger[status >= 500 ? 'error' : 'info'](
    { request, code: error.code, err: error.cause },
    error.message,
  )
  const wait = retryAfter(error)
  const problem = problemOf(error, request)
  if (parts.console !== undefined && /^\/console(\/|$)/.test(context.req.path)) {
    return refusalPage(parts.console, context, problem, error)
  }
  // AWS clients show `Code` and `Message` of a container-credentials refusal and nothing else.
  const forAws = { Code: error.code, Message: problem.detail ?? problem.title }
  const isFetch = context.req.path.startsWith('/v1/credentials/')
  if (isFetch) parts.metrics.credentials.inc({ outcome: error.code })
  return context.body(JSON.stringify(isFetch ? { ...problem, ...forAws } : problem), status, {
    'content-type': 'application/problem+json',
    ...(wait === undefined ? {} : { 'retry-after': wait }),
    ...(status === 401 ? { 'www-authenticate': challengeOf(error) } : {}),
  })
}
