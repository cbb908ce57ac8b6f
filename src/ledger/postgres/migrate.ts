import pg from 'pg'
import { CredctlError } from '../../errors.ts'
import { MIGRATIONS, privileges } from './schema.ts'

/** Anything that runs statements on one connection. */
export type Queryable = Pick<pg.ClientBase, 'query'>

const CREATE = `
SET LOCAL search_path = pg_catalog;
CREATE SCHEMA IF NOT EXISTS credctl_ledger;
CREATE TABLE IF NOT EXISTS credctl_ledger.version (
  version int PRIMARY KEY,
  applied timestamptz NOT NULL DEFAULT now()
);`

/**
 * Brings the schema up to date as its owner and lets `runtime`, an existing role, use it. Safe to
 * run again, and at the same time as another one. Gives the number of steps it took. Errors:
 * `ledger_not_migrated` when a newer credctl has been here; PostgreSQL's own for missing rights.
 */
export async function migrate(owner: Queryable, runtime: string): Promise<number> {
  await owner.query('BEGIN')
  try {
    await owner.query(`SELECT pg_advisory_xact_lock(hashtext('credctl_ledger migrate'))`)
    await requireDistinctRole(owner, runtime)
    await owner.query(CREATE)
    const found = await versionOf(owner)
    if (found > MIGRATIONS.length) throw newer(found)
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < found) continue
      await owner.query(sql)
      await owner.query('INSERT INTO credctl_ledger.version (version) VALUES ($1)', [index + 1])
    }
    await owner.query(privileges(pg.escapeIdentifier(runtime)))
    await owner.query('COMMIT')
    return MIGRATIONS.length - found
  } catch (error) {
    await owner.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/**
 * Refuses a database that the broker must not write to: not migrated, or a role that could change
 * what is written. Errors: `ledger_not_migrated`, `config_invalid`.
 */
export async function checkSchema(runtime: Queryable): Promise<void> {
  const found = await versionOf(runtime).catch((error: unknown) => {
    // No such schema or table, or no right to look into it.
    if (['3F000', '42P01', '42501'].includes(sqlState(error) ?? '')) return 0
    throw error
  })
  if (found > MIGRATIONS.length) throw newer(found)
  if (found < MIGRATIONS.length) {
    const message = `the ledger's schema is at version ${found}, this credctl needs ${MIGRATIONS.length}`
    throw new CredctlError('ledger_not_migrated', message, { hint: 'run credctl migrate' })
  }
  const { rows } = await runtime.query<{ writes: boolean }>(`
    SELECT bool_or(has_table_privilege('credctl_ledger.' || name, right_))
        OR (SELECT pg_has_role(nspowner, 'MEMBER') FROM pg_namespace
             WHERE nspname = 'credctl_ledger') AS writes
      FROM unnest(ARRAY['entries', 'tiles', 'head', 'grants', 'credentials', 'approvals', 'published']) AS name,
           unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS right_`)
  if (rows[0]?.writes === false) return
  throw new CredctlError('config_invalid', 'the role of the ledger can change what is in the log', {
    hint: 'ledger.postgres.user must be neither the owner of the schema nor a superuser',
  })
}

async function requireDistinctRole(owner: Queryable, runtime: string): Promise<void> {
  const { rows } = await owner.query<{ exists: boolean; same: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1) AS exists,
            current_user = $1 AS same`,
    [runtime],
  )
  if (rows[0]?.exists === true && !rows[0].same) return
  const message = `the broker's role ${JSON.stringify(runtime)} ${rows[0]?.same === true ? 'is the owner itself' : 'does not exist'}`
  throw new CredctlError('config_invalid', message, {
    hint: 'create a role of its own: CREATE ROLE … LOGIN PASSWORD …',
  })
}

async function versionOf(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ version: number | null }>(
    'SELECT max(version) AS version FROM credctl_ledger.version',
  )
  return rows[0]?.version ?? 0
}

function newer(found: number): CredctlError {
  const message = `the ledger's schema is at version ${found}, newer than this credctl`
  return new CredctlError('ledger_not_migrated', message, { hint: 'start a newer credctl' })
}

export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}
