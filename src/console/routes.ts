import { Hono } from 'hono'
import { CredctlError } from '../errors.ts'
import { assetEndpoint } from './assets.ts'
import type { ConsoleEnv, ConsoleParts, Door } from './console.ts'
import { pageHeaders } from './headers.ts'
import { requirePerson } from './person.ts'
import { basePath } from './place.ts'
import { approvalPage, approvalsPage, cancelApproval, decideApproval } from './routes/approvals.ts'
import { grantPage, grantsPage, nowPage, revokeGrant } from './routes/grants.ts'
import { healthPage } from './routes/health.ts'
import { entryPage, headEndpoint, logPage } from './routes/log.ts'
import { scopePage, scopesPage, windowsPage } from './routes/scopes.ts'
import { signInRoutes } from './sign-in/routes.ts'

/**
 * Everything below `/console`. What stands above `requirePerson` is for strangers; what is thrown
 * is answered by the broker's one boundary from errors to statuses.
 */
export function consoleRoutes(parts: ConsoleParts, door: Door): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>()
  app.use(pageHeaders)
  app.get('/assets/:name', assetEndpoint)
  signInRoutes(app, parts, door)
  app.use(requirePerson(parts))
  app.get('/', nowPage(parts))
  app.get('/head', headEndpoint(parts))
  app.get('/grants', grantsPage(parts))
  app.get('/grants/:id', grantPage(parts))
  app.post('/grants/:id/revoke', revokeGrant(parts))
  app.get('/approvals', approvalsPage(parts))
  app.get('/approvals/:id', approvalPage(parts))
  app.post('/approvals/:id/decide', decideApproval(parts))
  app.post('/approvals/:id/cancel', cancelApproval(parts))
  app.get('/log', logPage(parts))
  app.get('/log/:index', entryPage(parts))
  app.get('/scopes', scopesPage(parts))
  app.get('/scopes/:name', scopePage(parts))
  app.get('/windows', windowsPage(parts))
  app.get('/health', healthPage(parts))
  app.all('*', ({ req, redirect }) => {
    if (req.path === '/console/') return redirect(basePath(parts), 303)
    throw new CredctlError('not_found', 'there is no such page')
  })
  return app
}
