import type pg from 'pg'
import type { Digest } from '../../canonical.ts'
import type { ClaimValue } from '../../identity/caller.ts'
import type { Opening } from '../commitment.ts'
import type { Openings } from '../openings.ts'
import { unavailable } from './connection.ts'

/**
 * A step of the ledger's schema. The broker's role reads; it adds and erases through functions,
 * which leave alone what a live grant, or a request that waits for people, still needs.
 */
export const OPENINGS_MIGRATION = `
CREATE TABLE credctl_ledger.openings (
  commitment text COLLATE "C" PRIMARY KEY CHECK (commitment ~ '^sha256:[0-9a-f]{64}$'),
  grant_id text COLLATE "C" NOT NULL,
  at text COLLATE "C" NOT NULL,
  salt bytea NOT NULL CHECK (octet_length(salt) = 32),
  value json NOT NULL,
  kept timestamptz NOT NULL
);
CREATE INDEX openings_of_grant ON credctl_ledger.openings (grant_id);
CREATE INDEX openings_kept ON credctl_ledger.openings (kept);

CREATE FUNCTION credctl_ledger.keep_openings(new_grant text, new_kept timestamptz, new_rows json)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO credctl_ledger.openings (commitment, grant_id, at, salt, value, kept)
  SELECT r.commitment, new_grant, r.at, decode(r.salt, 'base64'), r.value, new_kept
    FROM json_to_recordset(new_rows) AS r(commitment text, at text, salt text, value json);
$$;

-- Some at a time: a backlog of years must not need more than a statement may take.
CREATE FUNCTION credctl_ledger.erase_openings(before timestamptz, of_grant text, at_most int)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  erased bigint;
BEGIN
  DELETE FROM credctl_ledger.openings WHERE commitment IN (
    SELECT o.commitment FROM credctl_ledger.openings o
     WHERE (before IS NULL OR o.kept < before) AND (of_grant IS NULL OR o.grant_id = of_grant)
       AND num_nonnulls(before, of_grant) > 0
       AND NOT EXISTS (SELECT FROM credctl_ledger.grants g
                        WHERE g.id = o.grant_id AND g.ended IS NULL)
       AND NOT EXISTS (SELECT FROM credctl_ledger.approvals a
                        WHERE a.id = o.grant_id AND a.status IN ('pending', 'approved'))
     ORDER BY o.kept LIMIT at_most);
  GET DIAGNOSTICS erased = ROW_COUNT;
  RETURN erased;
END $$;
REVOKE ALL ON FUNCTION credctl_ledger.keep_openings, credctl_ledger.erase_openings FROM PUBLIC;
REVOKE ALL ON TABLE credctl_ledger.openings FROM PUBLIC;
`

export function openingsPrivileges(role: string): string {
  return `GRANT EXECUTE ON FUNCTION credctl_ledger.keep_openings, credctl_ledger.erase_openings TO ${role};`
}

interface Row {
  readonly grant_id: string
  readonly at: string
  readonly commitment: Digest
  readonly salt: Buffer
  readonly value: ClaimValue
}

const KEEP = 'SELECT credctl_ledger.keep_openings($1, $2, $3)'
const OF = `SELECT grant_id, at, commitment, salt, value FROM credctl_ledger.openings
 WHERE grant_id = ANY ($1) ORDER BY at`
const ERASE = 'SELECT credctl_ledger.erase_openings($1, $2, $3) AS erased'
const AT_MOST = 2_000
const NEEDED = `SELECT FROM credctl_ledger.grants WHERE id = $1 AND ended IS NULL UNION ALL
 SELECT FROM credctl_ledger.approvals WHERE id = $1 AND status IN ('pending', 'approved')`

export class PostgresOpenings implements Openings {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async keep(grant: string, openings: readonly Opening[], at: Date): Promise<void> {
    const rows = openings.map(({ salt, ...rest }) => ({ ...rest, salt: salt.toString('base64') }))
    await this.#query('ledger-keep-openings', KEEP, [grant, at, JSON.stringify(rows)])
  }

  async of(grants: readonly string[]): Promise<ReadonlyMap<string, readonly Opening[]>> {
    const rows = await this.#query<Row>('ledger-openings', OF, [grants])
    const of = new Map<string, Opening[]>(grants.map((grant) => [grant, []]))
    for (const { grant_id, ...opening } of rows) of.get(grant_id)?.push(opening)
    return of
  }

  async eraseBefore(time: Date): Promise<number> {
    return await this.#erase(time, null)
  }

  async eraseOf(grant: string): Promise<number | undefined> {
    const needed = await this.#query('ledger-openings-needed', NEEDED, [grant])
    return needed.length > 0 ? undefined : await this.#erase(null, grant)
  }

  async #erase(before: Date | null, grant: string | null): Promise<number> {
    for (let all = 0; ; ) {
      const values = [before, grant, AT_MOST]
      const [row] = await this.#query<{ erased: string }>('ledger-erase', ERASE, values)
      const erased = Number(row?.erased)
      all += erased
      if (erased < AT_MOST) return all
    }
  }

  async #query<R extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) {
    try {
      return (await this.#pool.query<R>({ name, text, values })).rows
    } catch (error) {
      throw unavailable(error)
    }
  }
}
