import type { Context } from 'hono'
import type { ScopeList, ScopeSummary } from '../../contract.ts'
import { ruleNames } from '../../decision/rules.ts'
import { CredctlError } from '../../errors.ts'
import type { CatalogScope } from '../../scope/catalog.ts'
import { type Principal, seesEverything } from '../access.ts'
import { authenticate } from '../authenticate.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

/** `GET /v1/scopes`: the scopes that name this caller; all of them for operators and auditors. */
export function listScopes(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'listScopes')
    const catalog = parts.catalog()
    const visible = [...catalog.scopes.values()].filter((entry) => mayRead(principal, entry))
    const body: ScopeList = { catalogue: catalog.digest, scopes: visible.map(summaryOf) }
    return context.json(body, 200)
  }
}

/** `GET /v1/scopes/{name}`: one of them; others are answered like scopes that do not exist. */
export function showScope(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'listScopes')
    const found = parts.catalog().scopes.get(context.req.param('name') ?? '')
    if (found !== undefined && mayRead(principal, found)) return context.json(summaryOf(found), 200)
    throw new CredctlError('not_found', 'no such scope is available to this caller')
  }
}

function mayRead(principal: Principal, { scope }: CatalogScope): boolean {
  if (seesEverything('listScopes', principal)) return true
  return principal.kind === 'caller' && ruleNames(scope, principal.caller)
}

function summaryOf({ scope, digest }: CatalogScope): ScopeSummary {
  const targets = Object.entries(scope.access).map(([name, access]) => [
    name,
    'aws' in access ? 'aws' : 'postgres',
  ])
  return {
    name: scope.name,
    digest,
    owner: scope.owner,
    description: scope.description,
    environments: [...scope.environments],
    ttl_seconds: scope.ttl,
    targets: Object.fromEntries(targets),
    parameters: scope.parameters,
  }
}
