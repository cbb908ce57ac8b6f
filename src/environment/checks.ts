import type { Problem } from '../document/diagnostic.ts'
import type { Environment, EnvironmentClass } from './environment.ts'
import { canonicalHost } from './postgres-connection.ts'

/**
 * What must hold across environments. An AWS account that is prod in one place and nonprod in
 * another would make "nonprod" a way into production; the same goes for a database, and for what
 * Vault calls one.
 */
export function environmentProblems(environments: readonly Environment[]): Problem[] {
  const first = new Map<string, { class: EnvironmentClass; environment: string }>()
  const problemsAt = (environment: Environment, name: string, kind: string, place: Place) => {
    const earlier = first.get(place.what)
    if (earlier === undefined) {
      first.set(place.what, { class: environment.class, environment: environment.name })
    }
    if (earlier === undefined || earlier.class === environment.class) return []
    const path = [environment.name, 'targets', name, kind, place.field]
    const message = `${place.what} is ${earlier.class} in environment ${earlier.environment} and ${environment.class} here`
    return [{ path, message, expected: `${place.noun} of its own for each class` }]
  }
  return environments.flatMap((environment) =>
    Object.entries(environment.targets).flatMap(([name, target]) =>
      placesOf(target).flatMap((place) => problemsAt(environment, name, target.kind, place)),
    ),
  )
}

interface Place {
  /** In words that are the same for every spelling of one place, and for no other. */
  readonly what: string
  readonly noun: string
  readonly field: string
}

function placesOf(target: Environment['targets'][string]): Place[] {
  if ('account' in target) {
    return [{ what: `account ${target.account}`, noun: 'an account', field: 'account' }]
  }
  if (target.kind === 'vault_mysql') {
    const { host, port } = target
    const what = `server ${canonicalHost(host)}:${port}`
    return [{ what, noun: 'a server', field: 'host' }, connectionPlace(target)]
  }
  const what = `database ${databasePlace(target)}`
  const database = { what, noun: 'a database', field: 'database' }
  if (target.kind === 'postgres') return [database]
  return [database, connectionPlace(target)]
}

/** Where Vault's connection leads is Vault's to know: the host here is what callers are told. */
function connectionPlace(target: { readonly mount: string; readonly connection: string }): Place {
  const what = `Vault's connection ${target.mount}/config/${target.connection}`
  return { what, noun: 'a connection', field: 'connection' }
}

/** The same text for every spelling of one database. */
export function databasePlace(connection: {
  readonly host: string
  readonly port: number
  readonly database: string
}): string {
  return `${canonicalHost(connection.host)}:${connection.port}/${connection.database}`
}
