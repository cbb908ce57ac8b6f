import { CredctlError } from '../errors.ts'
import { type ReplayStore, type SingleUse, singleUseKey } from './replay.ts'

/** The part of a `pg` pool that this needs. */
export interface SingleUseQueries {
  query(
    text: string,
    values: readonly unknown[],
  ): Promise<{ readonly rows: readonly { readonly first?: boolean }[] }>
}

/**
 * One migration step, run by the owner of the database: a table nobody but the function touches.
 * A use clears away a few expired ones, so the table needs no sweep. Losing the last half second
 * in a crash of the database is accepted (`synchronous_commit`): durability here would cost every
 * grant a second fsync, and the grants themselves are in the log.
 */
export const SINGLE_USE_MIGRATION = `
CREATE SCHEMA IF NOT EXISTS credctl_identity;
CREATE TABLE credctl_identity.single_use (
  key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
  until timestamptz NOT NULL
);
CREATE INDEX single_use_until ON credctl_identity.single_use (until);

CREATE FUNCTION credctl_identity.use_once(used bytea, expires timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  -- Ten minutes of grace, for brokers whose clocks are behind the database's.
  DELETE FROM credctl_identity.single_use WHERE key IN (
    SELECT key FROM credctl_identity.single_use
     WHERE until < now() - interval '10 minutes' LIMIT 16 FOR UPDATE SKIP LOCKED);
  INSERT INTO credctl_identity.single_use VALUES (used, expires) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION credctl_identity.use_once FROM PUBLIC;
REVOKE ALL ON TABLE credctl_identity.single_use FROM PUBLIC;
`

/** What the broker's own role needs; `role` is an escaped identifier. */
export function singleUsePrivileges(role: string): string {
  return `GRANT USAGE ON SCHEMA credctl_identity TO ${role};
GRANT EXECUTE ON FUNCTION credctl_identity.use_once TO ${role};`
}

/** Single use across replicas. Error: `unavailable`, and then nothing may be accepted. */
export class PostgresReplayStore implements ReplayStore {
  readonly #database: SingleUseQueries

  constructor(database: SingleUseQueries) {
    this.#database = database
  }

  async firstUse(use: SingleUse): Promise<boolean> {
    const statement = 'SELECT credctl_identity.use_once($1, $2) AS first'
    try {
      const { rows } = await this.#database.query(statement, [singleUseKey(use), use.until])
      return rows[0]?.first === true
    } catch (cause) {
      throw new CredctlError('unavailable', 'single-use tokens cannot be checked now', {
        hint: 'Try again shortly; nothing was granted.',
        cause,
      })
    }
  }
}
