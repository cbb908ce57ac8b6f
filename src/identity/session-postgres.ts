import { CredctlError } from '../errors.ts'
import type { SessionStore } from './session.ts'

/** The part of a `pg` pool that this needs. */
export interface SessionQueries {
  query(query: {
    readonly name: string
    readonly text: string
    readonly values: readonly unknown[]
  }): Promise<{ readonly rows: readonly { readonly sealed?: Buffer | null }[] }>
}

/**
 * One migration step, run by the owner of the database: a table that only the functions touch, so
 * that the broker's own role cannot list sessions. A sign-in clears away a few expired ones.
 */
export const SESSION_MIGRATION = `
CREATE TABLE credctl_identity.session (
  key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
  until timestamptz NOT NULL,
  sealed bytea NOT NULL CHECK (octet_length(sealed) <= 65535)
);
CREATE INDEX session_until ON credctl_identity.session (until);

CREATE FUNCTION credctl_identity.open_session(opened bytea, expires timestamptz, content bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- Ten minutes of grace, for brokers whose clocks are behind the database's.
  DELETE FROM credctl_identity.session WHERE key IN (
    SELECT key FROM credctl_identity.session
     WHERE until < now() - interval '10 minutes' LIMIT 16 FOR UPDATE SKIP LOCKED);
  INSERT INTO credctl_identity.session VALUES (opened, expires, content);
END $$;

CREATE FUNCTION credctl_identity.find_session(wanted bytea) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT sealed FROM credctl_identity.session WHERE key = wanted
$$;

CREATE FUNCTION credctl_identity.close_session(closed bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM credctl_identity.session WHERE key = closed
$$;

REVOKE ALL ON FUNCTION credctl_identity.open_session, credctl_identity.find_session,
  credctl_identity.close_session FROM PUBLIC;
REVOKE ALL ON TABLE credctl_identity.session FROM PUBLIC;
`

/** What the broker's own role needs; `role` is an escaped identifier. */
export function sessionPrivileges(role: string): string {
  return `GRANT EXECUTE ON FUNCTION credctl_identity.open_session, credctl_identity.find_session,
  credctl_identity.close_session TO ${role};`
}

/** Sessions for all replicas over one database. Error: `unavailable`: then nobody is signed in. */
export class PostgresSessionStore implements SessionStore {
  readonly #database: SessionQueries

  constructor(database: SessionQueries) {
    this.#database = database
  }

  async open(key: Buffer, sealed: Buffer, until: Date): Promise<void> {
    const text = 'SELECT credctl_identity.open_session($1, $2, $3)'
    await this.#query('session-open', text, [key, until, sealed])
  }

  async find(key: Buffer): Promise<Buffer | undefined> {
    const text = 'SELECT credctl_identity.find_session($1) AS sealed'
    return (await this.#query('session-find', text, [key])) ?? undefined
  }

  async close(key: Buffer): Promise<void> {
    await this.#query('session-close', 'SELECT credctl_identity.close_session($1)', [key])
  }

  async #query(name: string, text: string, values: readonly unknown[]) {
    try {
      const { rows } = await this.#database.query({ name, text, values })
      return rows[0]?.sealed
    } catch (cause) {
      throw new CredctlError('unavailable', 'sessions cannot be looked up now', {
        hint: 'Try again shortly.',
        cause,
      })
    }
  }
}
