import type { ScopeSummary } from '../contract.ts'
import type { CatalogScope } from '../scope/catalog.ts'

/** A scope as it is shown to whoever may take it. */
export function scopeSummary({ scope, digest }: CatalogScope): ScopeSummary {
  const targets = Object.entries(scope.access).map(([name, access]) => [
    name,
    'aws' in access ? 'aws' : 'mysql' in access ? 'mysql' : 'postgres',
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
