import { STATUS_CODES } from 'node:http'
import type { MiddlewareHandler } from 'hono'
import { ulid } from '../clock.ts'
import type { ApiEnv, ApiParts } from './parts.ts'

/** Answers are data, kept nowhere; pages of the console and public files say otherwise. */
const UNLESS_SAID = {
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
}

/**
 * Names the request, times it, and sets what every answer carries. An inbound request id is not
 * taken over: it would put the sender's text into the log.
 */
export function everyAnswer(parts: ApiParts): MiddlewareHandler<ApiEnv> {
  return async function everyAnswer(context, next) {
    const request = ulid(parts.clock, parts.random)
    const started = performance.now()
    context.set('request', request)
    await next()
    const { headers, status } = context.res
    headers.set('X-Request-Id', request)
    headers.set('X-Content-Type-Options', 'nosniff')
    for (const [name, value] of Object.entries(UNLESS_SAID)) {
      if (!headers.has(name)) headers.set(name, value)
    }
    const seconds = (performance.now() - started) / 1000
    const route = context.req.routePath
    parts.metrics.requests.observe({ route, status: String(status) }, seconds)
    const { method } = context.req
    parts.logger.info(
      { request, method, route, status, ms: Math.round(seconds * 1000) },
      STATUS_CODES[status] ?? '',
    )
  }
}
