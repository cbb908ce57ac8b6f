import type { Connection } from '../../client/connection.ts'
import { fetchCredential, type GrantedTarget, type HeldGrant } from '../../client/grant.ts'
import type { JsonObject } from '../../client/json.ts'
import { postgresCredential } from '../../client/postgres.ts'
import { CredctlError } from '../../errors.ts'
import { deliverAws } from './aws.ts'
import { awsEndpoint } from './aws-endpoint.ts'
import { closeDefaults } from './closed.ts'
import type { Changes } from './dry-run/changes.ts'
import type { DryRuns } from './dry-run/databases.ts'
import { type LocalHandler, listenLocally } from './loopback.ts'
import { deliverMysql } from './mysql.ts'
import { type Database, databaseUrlOf, deliverDatabases } from './postgres.ts'
import type { PrivateDirectory } from './private-directory.ts'

/** A grant's credentials where programs look for them. */
export interface Delivery {
  /** The variables of a program that is to find them: places, and no secret unless asked for. */
  readonly environment: Readonly<Record<string, string>>
  /** In a dry run: rows that would have changed so far, by target. */
  readonly changes?: () => ReadonlyMap<string, Changes>
  /** Stops serving; the files are the directory's. */
  close(): void
}

export interface DeliveryOptions {
  /** Tells people why a program got no credential. */
  readonly report: (problem: string) => void
  /** Put the first database into DATABASE_URL as well, the password included. */
  readonly databaseUrl?: boolean
  /** Databases in which nothing stays, and no AWS: what AWS did cannot be taken back. */
  readonly dryRun?: boolean
  /** What the endpoint serves besides credentials. */
  readonly also?: LocalHandler
}

/**
 * Writes files for databases, and serves AWS credentials on this machine for as long as the grant
 * and this process live. The grant token stays in this process.
 */
export async function deliver(
  connection: Connection,
  { id, token, targets }: HeldGrant,
  directory: PrivateDirectory,
  { report, databaseUrl = false, dryRun = false, also }: DeliveryOptions,
): Promise<Delivery> {
  const fetch = (target: string) => fetchCredential(connection, token, target)
  const accounts = dryRun ? [] : targets.filter(({ kind }) => kind === 'aws')
  const granted = await databasesOf(targets, fetch)
  const mysql = dryRun ? [] : targets.flatMap(({ kind, name }) => (kind === 'mysql' ? [name] : []))
  const dry = dryRun ? await dryRunsOf(granted) : undefined
  const databases = dry?.databases ?? granted
  const files = {
    ...(await closeDefaults(directory)),
    ...(await deliverDatabases(databases, directory)),
    ...(await deliverMysql(mysql, fetch, directory)),
    ...(databaseUrl ? databaseUrlOf(databases) : {}),
    CREDCTL_BROKER: connection.broker,
    CREDCTL_DIRECTORY: directory.path,
    CREDCTL_GRANT: id,
  }
  if (accounts.length === 0 && also === undefined) {
    if (dry === undefined) return { environment: files, close: () => undefined }
    return { environment: files, changes: dry.changes, close: dry.close }
  }
  const names = accounts.map(({ name }) => name)
  const endpoint = await listenLocally(either(awsEndpoint(names, fetch, report), also))
  try {
    const tokenFile = await directory.write('endpoint-token', endpoint.authorization)
    const here = { url: endpoint.url, tokenFile }
    const served = {
      ...(await deliverAws(here, accounts, directory)),
      CREDCTL_ENDPOINT: endpoint.url,
      CREDCTL_ENDPOINT_TOKEN_FILE: tokenFile,
    }
    return { environment: { ...files, ...served }, close: () => endpoint.close() }
  } catch (error) {
    endpoint.close()
    throw error
  }
}

async function databasesOf(
  targets: readonly GrantedTarget[],
  fetch: (target: string) => Promise<JsonObject>,
): Promise<Database[]> {
  const databases = targets.filter(({ kind }) => kind === 'postgres')
  return await Promise.all(
    databases.map(async ({ name }) => {
      const { value } = postgresCredential(await fetch(name))
      return { target: name, ...value }
    }),
  )
}

/** Loaded for those who ask: the grammar of PostgreSQL is not small. */
async function dryRunsOf(databases: readonly Database[]): Promise<DryRuns> {
  if (databases.length === 0) {
    throw new CredctlError('usage', 'the scope has no PostgreSQL target: nothing can be tried out')
  }
  const { startDryRuns } = await import('./dry-run/databases.ts')
  return await startDryRuns(databases)
}

function either(first: LocalHandler, second: LocalHandler | undefined): LocalHandler {
  return async (method, path) => (await first(method, path)) ?? (await second?.(method, path))
}
