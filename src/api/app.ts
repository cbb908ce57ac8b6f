import { type Context, Hono } from 'hono'
import type { Door } from '../console/console.ts'
import { consoleRoutes } from '../console/routes.ts'
import { CredctlError } from '../errors.ts'
import { known } from './authenticate.ts'
import type { Gate } from './back-pressure.ts'
import { everyAnswer } from './headers.ts'
import { openApiDocument } from './openapi.ts'
import { ENDPOINTS, type EndpointName } from './operations.ts'
import { PollPace } from './pace.ts'
import type { ApiEnv, ApiParts } from './parts.ts'
import { problemAnswer } from './problem-answer.ts'
import {
  cancelApproval,
  decideApproval,
  decideApprovals,
  listApprovals,
  showApproval,
} from './routes/approvals.ts'
import { credentialEndpoint, unwrapFailedEndpoint } from './routes/credentials.ts'
import { authorizationServerMetadata, keySet } from './routes/discovery.ts'
import { endGrant, grantReceipts, listGrants, showGrant } from './routes/grants.ts'
import { checkpointEndpoint, tileEndpoint } from './routes/log.ts'
import { eraseOpenings, listOpenings } from './routes/openings.ts'
import { health, metricsEndpoint, readiness } from './routes/operation.ts'
import { planEndpoint } from './routes/plans.ts'
import { listScopes, showScope } from './routes/scopes.ts'
import { slackInteraction } from './routes/slack.ts'
import { standingCredentialEndpoint } from './routes/standing.ts'
import { tokenEndpoint } from './routes/token.ts'

type Handler = (context: Context<ApiEnv>) => Response | Promise<Response>

/** The whole HTTP face of the broker: HTTP in, HTTP out, no rules. */
export function createApp(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.use(everyAnswer(parts))
  for (const [name, handler] of Object.entries(handlersOf(parts))) {
    const { method, path } = ENDPOINTS[name as EndpointName]
    app.on(method.toUpperCase(), routePath(path), handler)
  }
  if (parts.console !== undefined) {
    const door: Door = (context, verify) => known(parts, context, verify)
    app.route('/console', consoleRoutes(parts.console, door))
  }
  app.notFound((context) => problemAnswer(parts, context, nothingHere()))
  app.onError((error, context) => problemAnswer(parts, context, error))
  return app
}

/** One handler for each endpoint of the table: a missing one does not compile. */
function handlersOf(parts: ApiParts): Record<EndpointName, Handler> {
  return {
    token: tokenEndpoint(parts, new PollPace(parts.clock)),
    fetchCredential: within(parts.limits.fetches, credentialEndpoint(parts)),
    reportUnwrap: unwrapFailedEndpoint(parts),
    standingCredential: within(parts.limits.asks, standingCredentialEndpoint(parts)),
    plan: within(parts.limits.asks, planEndpoint(parts)),
    listGrants: listGrants(parts),
    showGrant: showGrant(parts),
    endGrant: endGrant(parts),
    grantReceipts: grantReceipts(parts),
    listOpenings: listOpenings(parts),
    eraseOpenings: eraseOpenings(parts),
    listApprovals: listApprovals(parts),
    decideApprovals: decideApprovals(parts),
    showApproval: showApproval(parts),
    decideApproval: decideApproval(parts),
    cancelApproval: cancelApproval(parts),
    listScopes: listScopes(parts),
    showScope: showScope(parts),
    checkpoint: checkpointEndpoint(parts),
    tile: tileEndpoint(parts),
    slackInteraction: slackInteraction(parts),
    authorizationServer: authorizationServerMetadata(parts),
    keys: keySet(parts),
    openapi: (context) => context.json(openApiDocument(parts.url)),
    health,
    readiness: readiness(parts),
    metrics: metricsEndpoint(parts),
  }
}

function within(gate: Gate, handler: (context: Context<ApiEnv>) => Promise<Response>): Handler {
  return (context) => gate.pass(() => handler(context))
}

/** `{path}` may hold slashes (tile numbers do), every other parameter is one segment. */
function routePath(path: string): string {
  return path.replace('{path}', '*').replaceAll(/\{(\w+)\}/g, ':$1')
}

function nothingHere(): CredctlError {
  return new CredctlError('not_found', 'there is nothing here', { hint: 'See /openapi.json.' })
}
