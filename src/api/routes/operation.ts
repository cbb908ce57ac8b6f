import type { Context } from 'hono'
import type { ApiEnv, ApiParts } from '../parts.ts'

/** `GET /healthz`: the process answers. */
export function health(context: Context<ApiEnv>): Response {
  return context.json({ status: 'ok' }, 200)
}

/** `GET /readyz`: a grant could be recorded now. */
export function readiness(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    await parts.ledger.ready()
    return context.json({ status: 'ready' }, 200)
  }
}

/** `GET /metrics`, in the Prometheus text format. */
export function metricsEndpoint(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const { registry } = parts.metrics
    return context.body(await registry.metrics(), 200, { 'content-type': registry.contentType })
  }
}
