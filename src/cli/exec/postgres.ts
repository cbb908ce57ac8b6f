import type { PostgresCredential } from '../../client/postgres.ts'
import { CredctlError } from '../../errors.ts'
import type { PrivateDirectory } from './private-directory.ts'

/** A database of the grant, by the name of its target. */
export interface Database extends PostgresCredential {
  readonly target: string
}

/**
 * Where libpq and every driver that follows it find the databases: the first one by the `PG…`
 * variables, each one as `service=TARGET`. The password stands in the password file alone.
 */
export async function deliverDatabases(
  databases: readonly Database[],
  directory: PrivateDirectory,
): Promise<Record<string, string>> {
  const passfile = await directory.write('pgpass', databases.map(passLine).join(''))
  const services = databases.map((database) => serviceSection(database, passfile)).join('\n')
  const servicefile = await directory.write('pg_service.conf', services)
  const files = { PGPASSFILE: passfile, PGSERVICEFILE: servicefile }
  const [first] = databases
  if (first === undefined) return files
  return {
    ...files,
    PGHOST: first.host,
    PGPORT: String(first.port),
    PGDATABASE: first.database,
    PGUSER: first.user,
    PGSSLMODE: first.sslmode,
    PGOPTIONS: first.options,
  }
}

/**
 * For programs that read nothing else. The password is then in the environment, which every child
 * of the command inherits: only for those who ask for it.
 */
export function databaseUrlOf([first]: readonly Database[]): Record<string, string> {
  if (first !== undefined) return { DATABASE_URL: first.uri }
  throw new CredctlError('usage', 'the scope has no PostgreSQL target: there is no DATABASE_URL')
}

/** A line of a password file (PostgreSQL documentation, "The Password File"). */
export function passLine({ host, port, database, user, password }: Database): string {
  const cells = [host, String(port), database, user, password].map((text) =>
    oneLine(text).replaceAll(/[\\:]/g, '\\$&'),
  )
  return `${cells.join(':')}\n`
}

/** A section of a connection service file; its values know no quoting. */
function serviceSection(database: Database, passfile: string): string {
  const { target, host, port, user, sslmode, options } = database
  const settings = {
    host,
    port: String(port),
    dbname: database.database,
    user,
    sslmode,
    options,
    passfile,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${oneLine(value)}\n`)
  return `[${target}]\n${lines.join('')}`
}

/** A line break would be the start of a setting that nobody gave. */
function oneLine(text: string): string {
  if (!/[\r\n\0]/.test(text)) return text
  throw new CredctlError('unavailable', 'the credential holds a line break')
}
