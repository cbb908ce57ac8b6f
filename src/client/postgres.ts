import type { Fetched } from './credential-cache.ts'
import type { JsonObject } from './json.ts'

/** What `new Client(…)` and `new Pool(…)` of `pg` take; only `password` gives a secret. */
export interface PostgresConfig {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** Called for every connection. */
  readonly password: () => Promise<string>
  readonly ssl: false | { readonly rejectUnauthorized: true }
  /** Session defaults of the plan, as `postgres -c name=value`. */
  readonly options: string
}

/** `password` and `uri` are secrets. */
export interface PostgresCredential {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly sslmode: string
  /** All of it in one line, the password included. */
  readonly uri: string
  /** Session defaults, as `postgres -c name=value`. */
  readonly options: string
}

export function postgresCredential(answer: JsonObject): Fetched<PostgresCredential> {
  const uri = answer.text('uri')
  const value = {
    host: answer.text('host'),
    port: answer.integer('port'),
    database: answer.text('database'),
    user: answer.text('user'),
    password: answer.text('password'),
    sslmode: answer.text('sslmode'),
    uri,
    options: URL.parse(uri)?.searchParams.get('options') ?? '',
  }
  return { value, expiresAt: answer.time('expires_at').getTime() }
}

/** For one login: a grant has the same one for as long as it lives. */
export function postgresConfig(
  { host, port, database, user, sslmode, options }: PostgresCredential,
  password: () => Promise<string>,
): PostgresConfig {
  // Any other mode than `disable` verifies: what a newer broker adds must not weaken it.
  const ssl = sslmode === 'disable' ? false : ({ rejectUnauthorized: true } as const)
  return { host, port, database, user, password, ssl, options }
}
