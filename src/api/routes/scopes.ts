import type { Context } from 'hono'
import { mayReadScope } from '../../access.ts'
import type { ScopeList } from '../../contract.ts'
import { CredctlError } from '../../errors.ts'
import { authenticate } from '../authenticate.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'
import { scopeSummary } from '../scope-summary.ts'

/** `GET /v1/scopes`: the scopes that name this caller; all of them for operators and auditors. */
export function listScopes(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'listScopes')
    const catalog = parts.catalog()
    const visible = [...catalog.scopes.values()].filter((entry) => mayReadScope(principal, entry))
    const body: ScopeList = { catalogue: catalog.digest, scopes: visible.map(scopeSummary) }
    return context.json(body, 200)
  }
}

/** `GET /v1/scopes/{name}`: one of them; others are answered like scopes that do not exist. */
export function showScope(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'listScopes')
    const found = parts.catalog().scopes.get(context.req.param('name') ?? '')
    if (found !== undefined && mayReadScope(principal, found))
      return context.json(scopeSummary(found), 200)
    throw new CredctlError('not_found', 'no such scope is available to this caller')
  }
}
