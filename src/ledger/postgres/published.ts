import type pg from 'pg'
import type { Published, PublishedStore } from '../published.ts'
import { unavailable } from './connection.ts'

/** A step of the ledger's schema. The broker's role reads; it writes through the function alone. */
export const PUBLISHED_MIGRATION = `
CREATE TABLE credctl_ledger.published (
  place text COLLATE "C" PRIMARY KEY CHECK (octet_length(place) BETWEEN 1 AND 128),
  size bigint NOT NULL CHECK (size > 0),
  note text NOT NULL CHECK (octet_length(note) BETWEEN 1 AND 1000000),
  at timestamptz NOT NULL
);

CREATE FUNCTION credctl_ledger.publish(
  new_place text, new_size bigint, new_note text, new_at timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO credctl_ledger.published AS p (place, size, note, at)
  SELECT new_place, new_size, new_note, new_at
    FROM credctl_ledger.head h WHERE h.size >= new_size
  ON CONFLICT (place) DO UPDATE SET size = EXCLUDED.size, note = EXCLUDED.note, at = EXCLUDED.at
    WHERE p.size <= EXCLUDED.size;
  RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION credctl_ledger.publish FROM PUBLIC;
REVOKE ALL ON TABLE credctl_ledger.published FROM PUBLIC;
`

export function publishedPrivileges(role: string): string {
  return `GRANT EXECUTE ON FUNCTION credctl_ledger.publish TO ${role};`
}

/** What was published, in the ledger's database. */
export function postgresPublished(pool: pg.Pool): PublishedStore {
  return {
    async load() {
      const { rows } = await pool
        .query<{ place: string; size: string; note: string; at: Date }>({
          name: 'ledger-published',
          text: 'SELECT place, size, note, at FROM credctl_ledger.published',
        })
        .catch(refuse)
      return new Map(
        rows.map(({ place, size, note, at }): [string, Published] => [
          place,
          { size: Number(size), note, at },
        ]),
      )
    },
    async save(place, { size, note, at }) {
      const { rows } = await pool
        .query<{ saved: boolean }>({
          name: 'ledger-publish',
          text: 'SELECT credctl_ledger.publish($1, $2, $3, $4) AS saved',
          values: [place, size, note, at],
        })
        .catch(refuse)
      return rows[0]?.saved === true
    },
  }
}

function refuse(error: unknown): never {
  throw unavailable(error)
}
