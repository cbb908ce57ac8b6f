import type { Clock } from '../clock.ts'
import { windowBreaches } from '../decision/windows/windows.ts'
import type { Environment } from '../environment/environment.ts'
import type { GrantState, Ledger } from '../ledger/ledger.ts'
import { compiledPlan } from '../plan/compiled.ts'
import type { Catalog } from '../scope/catalog.ts'

export interface ClosingParts {
  readonly catalog: () => Catalog
  readonly environments: ReadonlyMap<string, Environment>
  readonly ledger: Ledger
  readonly clock: Clock
}

const PAGE = 500

/**
 * Live grants that a window or freeze does not allow any more. A grant's life ends with the window
 * it was given in; what is found here was given before the operator moved the window or declared
 * the freeze.
 */
export async function closedGrants(parts: ClosingParts): Promise<GrantState[]> {
  const scopes = [...parts.catalog().scopes.values()]
  const scopeHasWindows = scopes.some(({ scope }) => scope.windows.length > 0)
  const closed: GrantState[] = []
  for (const environment of parts.environments.values()) {
    const { required, freezes } = environment.schedule
    if (required.length === 0 && freezes.length === 0 && !scopeHasWindows) continue
    closed.push(...(await closedIn(parts, environment)))
  }
  return closed
}

async function closedIn(parts: ClosingParts, environment: Environment): Promise<GrantState[]> {
  const closed: GrantState[] = []
  let before: string | undefined
  for (;;) {
    const page = await parts.ledger.grants({
      live: true,
      environment: environment.name,
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    })
    closed.push(...page.filter((grant) => isClosed(parts, environment, grant)))
    before = page.at(-1)?.id
    if (before === undefined || page.length < PAGE) return closed
  }
}

/** A scope that changed or went away since is refused at its next fetch: that is not about time. */
function isClosed(parts: ClosingParts, environment: Environment, grant: GrantState): boolean {
  const found = parts.catalog().scopes.get(grant.scope)
  // An emergency was allowed in spite of the window, and is short.
  if (found === undefined || grant.breakGlass) return false
  const planned = compiledPlan(found.scope, environment, grant.parameters)
  if (!planned.ok) return false
  const { issuedAt } = grant
  const now = parts.clock.now()
  const { scope } = found
  return windowBreaches({ scope, environment, plan: planned.plan, issuedAt, now }).length > 0
}
