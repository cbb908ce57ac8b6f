import type { Problem } from '../document/diagnostic.ts'
import type { Environment, EnvironmentClass } from './environment.ts'
import { canonicalHost } from './postgres-connection.ts'

/**
 * What must hold across environments. An AWS account that is prod in one place and nonprod in
 * another would make "nonprod" a way into production; the same goes for a database.
 */
export function environmentProblems(environments: readonly Environment[]): Problem[] {
  const first = new Map<string, { class: EnvironmentClass; environment: string }>()
  return environments.flatMap((environment) =>
    Object.entries(environment.targets).flatMap(([name, target]): Problem[] => {
      const place = placeOf(target)
      const earlier = first.get(place.key)
      if (earlier === undefined) {
        first.set(place.key, { class: environment.class, environment: environment.name })
        return []
      }
      if (earlier.class === environment.class) return []
      const path = [environment.name, 'targets', name, target.kind, place.field]
      const message = `${place.what} is ${earlier.class} in environment ${earlier.environment} and ${environment.class} here`
      return [{ path, message, expected: `${place.noun} of its own for each class` }]
    }),
  )
}

/** The same text for every spelling of one database. */
export function databasePlace(connection: {
  readonly host: string
  readonly port: number
  readonly database: string
}): string {
  return `${canonicalHost(connection.host)}:${connection.port}/${connection.database}`
}

function placeOf(target: Environment['targets'][string]) {
  if ('account' in target) {
    const what = `account ${target.account}`
    return { key: `aws ${target.account}`, what, field: 'account', noun: 'an account' }
  }
  const where = databasePlace(target)
  return {
    key: `postgres ${where}`,
    what: `database ${where}`,
    field: 'database',
    noun: 'a database',
  }
}
