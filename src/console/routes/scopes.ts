import { mayReadScope, requireAccess } from '../../access.ts'
import { CredctlError } from '../../errors.ts'
import type { ConsoleContext, ConsoleParts } from '../console.ts'
import { answerPage } from '../page.ts'
import { scopeView } from '../views/scope.ts'
import { scopesView } from '../views/scopes.ts'
import { windowsView } from '../views/windows.ts'

/** `GET /console/scopes`: as `GET /v1/scopes`, drawn. */
export function scopesPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const { principal } = context.get('person')
    requireAccess('listScopes', principal)
    const scopes = [...parts.catalog().scopes.values()]
    const visible = scopes.filter((found) => mayReadScope(principal, found))
    return answerPage(parts, context, scopesView(parts, visible))
  }
}

/** `GET /console/scopes/{name}`; others are answered like scopes that do not exist. */
export function scopePage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const { principal } = context.get('person')
    requireAccess('listScopes', principal)
    const found = parts.catalog().scopes.get(context.req.param('name') ?? '')
    if (found !== undefined && mayReadScope(principal, found)) {
      return answerPage(parts, context, scopeView(parts, found))
    }
    throw new CredctlError('not_found', 'no such scope is available to you')
  }
}

/** `GET /console/windows`: when grants are given. */
export function windowsPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    requireAccess('listScopes', context.get('person').principal)
    return answerPage(parts, context, windowsView(parts))
  }
}
