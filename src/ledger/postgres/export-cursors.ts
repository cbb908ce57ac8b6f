import type pg from 'pg'
import type { ExportCursors } from '../export-cursors.ts'
import { unavailable } from './connection.ts'

/**
 * A step of the ledger's schema. A lease by the database's clock, and no lock: a lock would hold a
 * connection, which requests need, for as long as a receiver hangs.
 */
export const EXPORT_CURSORS_MIGRATION = `
CREATE TABLE credctl_ledger.export_cursors (
  name text COLLATE "C" PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 128),
  next bigint NOT NULL CHECK (next >= 0),
  holder text NOT NULL,
  held_until timestamptz NOT NULL
);

CREATE FUNCTION credctl_ledger.take_export(export text, by_holder text, lease interval)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO credctl_ledger.export_cursors AS c (name, next, holder, held_until)
  VALUES (export, 0, by_holder, clock_timestamp() + lease)
  ON CONFLICT (name) DO UPDATE SET holder = by_holder, held_until = clock_timestamp() + lease
    WHERE c.holder = by_holder OR c.held_until < clock_timestamp()
  RETURNING next;
$$;

CREATE FUNCTION credctl_ledger.save_export(
  export text, by_holder text, new_next bigint, lease interval
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE credctl_ledger.export_cursors c
     SET next = new_next, held_until = clock_timestamp() + lease
   WHERE c.name = export AND c.holder = by_holder;
  RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION credctl_ledger.take_export, credctl_ledger.save_export FROM PUBLIC;
REVOKE ALL ON TABLE credctl_ledger.export_cursors FROM PUBLIC;
`

export function exportCursorsPrivileges(role: string): string {
  return `GRANT EXECUTE ON FUNCTION credctl_ledger.take_export, credctl_ledger.save_export TO ${role};`
}

const TAKE = `SELECT credctl_ledger.take_export($1, $2, make_interval(secs => $3)) AS next`
const SAVE = `SELECT credctl_ledger.save_export($1, $2, $3, make_interval(secs => $4)) AS saved`
const POSITION = 'SELECT next FROM credctl_ledger.export_cursors WHERE name = $1'

export function postgresExportCursors(pool: pg.Pool): ExportCursors {
  const query = async <R extends pg.QueryResultRow>(text: string, values: unknown[]) => {
    try {
      return (await pool.query<R>(text, values)).rows[0]
    } catch (error) {
      throw unavailable(error)
    }
  }
  return {
    async take(name, holder, leaseMs) {
      const row = await query<{ next: string | null }>(TAKE, [name, holder, leaseMs / 1000])
      return row?.next == null ? undefined : Number(row.next)
    },
    async save(name, holder, next, leaseMs) {
      const row = await query<{ saved: boolean }>(SAVE, [name, holder, next, leaseMs / 1000])
      return row?.saved === true
    },
    async position(name) {
      return Number((await query<{ next: string }>(POSITION, [name]))?.next ?? 0)
    },
  }
}
