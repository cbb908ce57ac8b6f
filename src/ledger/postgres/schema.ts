import { SINGLE_USE_MIGRATION, singleUsePrivileges } from '../../identity/replay-postgres.ts'
import { SESSION_MIGRATION, sessionPrivileges } from '../../identity/session-postgres.ts'
import { APPROVAL_MIGRATION, approvalPrivileges } from './approval-schema.ts'
import { EXPORT_CURSORS_MIGRATION, exportCursorsPrivileges } from './export-cursors.ts'
import { OPENINGS_MIGRATION, openingsPrivileges } from './openings.ts'
import { PUBLISHED_MIGRATION, publishedPrivileges } from './published.ts'

/*
 * The ledger's schema as a list of steps, never changed once released, only continued.
 *
 * Who may what: the owner runs the steps and nothing else. The broker's own role reads, and writes
 * only through three functions that run as the owner. No role, the owner included, can change or
 * remove an entry or a tile, or move the head backwards, without first dropping a trigger.
 */

const tables = `
CREATE TABLE credctl_ledger.entries (
  index bigint PRIMARY KEY CHECK (index >= 0),
  grant_id text COLLATE "C",
  leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
  body bytea NOT NULL CHECK (octet_length(body) BETWEEN 1 AND 65535)
);
CREATE INDEX entries_of_grant ON credctl_ledger.entries (grant_id, index)
  WHERE grant_id IS NOT NULL;

-- Full tiles only; partial ones follow from entries and from the roots one level below.
CREATE TABLE credctl_ledger.tiles (
  level smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
  index bigint NOT NULL CHECK (index >= 0),
  hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  PRIMARY KEY (level, index)
);
-- Hashes do not compress.
ALTER TABLE credctl_ledger.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE credctl_ledger.head (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  size bigint NOT NULL CHECK (size >= 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  checkpoint text NOT NULL,
  fence bigint NOT NULL
);
INSERT INTO credctl_ledger.head (size, root, checkpoint, fence) VALUES (0, sha256(''), '', 0);

CREATE TABLE credctl_ledger.grants (
  id text COLLATE "C" PRIMARY KEY,
  decided bigint NOT NULL,
  scope text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  class text COLLATE "C" NOT NULL,
  issuer text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  issued timestamptz NOT NULL,
  expires timestamptz NOT NULL,
  ended timestamptz,
  cause text
);
-- For limits, which are checked while everybody waits: only the grants of one scope are counted.
CREATE INDEX grants_live ON credctl_ledger.grants (scope, environment, expires)
  WHERE ended IS NULL;
CREATE INDEX grants_issued ON credctl_ledger.grants (scope, environment, issued);
-- For the sweep.
CREATE INDEX grants_unended ON credctl_ledger.grants (expires) WHERE ended IS NULL;

CREATE TABLE credctl_ledger.credentials (
  id text COLLATE "C" PRIMARY KEY,
  grant_id text COLLATE "C" NOT NULL,
  target text NOT NULL,
  requested bigint NOT NULL,
  requested_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('requested', 'minted', 'failed', 'revoked')),
  expires timestamptz
);
CREATE INDEX credentials_of_grant ON credctl_ledger.credentials (grant_id);
CREATE INDEX credentials_open ON credctl_ledger.credentials (requested)
  WHERE status IN ('requested', 'minted');
`

const protection = `
CREATE FUNCTION credctl_ledger.refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the log only grows: % on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION credctl_ledger.only_forward() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
     OR NEW.fence < OLD.fence THEN
    RAISE EXCEPTION 'the head of the log only moves forward'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credctl_ledger.entries
  FOR EACH STATEMENT EXECUTE FUNCTION credctl_ledger.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credctl_ledger.tiles
  FOR EACH STATEMENT EXECUTE FUNCTION credctl_ledger.refuse();
CREATE TRIGGER one_head BEFORE INSERT OR DELETE OR TRUNCATE ON credctl_ledger.head
  FOR EACH STATEMENT EXECUTE FUNCTION credctl_ledger.refuse();
CREATE TRIGGER only_forward BEFORE UPDATE ON credctl_ledger.head
  FOR EACH ROW EXECUTE FUNCTION credctl_ledger.only_forward();
`

/*
 * One round trip a batch. False: the head is not the one the batch was built on, and nothing was
 * written. Error CL001: the guards at the positions in its detail do not hold, and nothing was
 * written.
 *
 * Moving the head comes first: it is the compare-and-swap, and its row lock makes every writer wait
 * until this one has committed, so what guards count cannot change in between. Within a batch no
 * entry changes what another one's guard reads, except new grants of one scope: `ahead` counts
 * those.
 */
const append = `
CREATE FUNCTION credctl_ledger.append(
  expected_size bigint, expected_root bytea, expected_fence bigint,
  new_root bytea, new_checkpoint text,
  grant_ids text[], starts int[], lengths int[], bodies bytea, leaves bytea,
  usage_guards json, grant_guards json, credential_guards json,
  new_grants json, new_ends json, new_credentials json, new_outcomes json,
  tile_levels int[], tile_indexes bigint[], tile_hashes bytea, tile_roots bytea
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Otherwise each batch is planned anew, because arrays of one element look cheaper than any.
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  broken int[] := '{}';
  more int[];
BEGIN
  UPDATE credctl_ledger.head h
     SET size = expected_size + cardinality(lengths), root = new_root, checkpoint = new_checkpoint
   WHERE h.size = expected_size AND h.root = expected_root AND h.fence = expected_fence;
  IF NOT FOUND THEN
    RETURN false;
  END IF;

  IF usage_guards IS NOT NULL THEN
    SELECT array_agg(g.position) INTO more
      FROM json_to_recordset(usage_guards) AS g(position int, scope text, environment text,
        at timestamptz, live int, per_day int, ahead int)
     WHERE (g.live IS NOT NULL AND g.ahead + (SELECT count(*) FROM credctl_ledger.grants o
              WHERE o.scope = g.scope AND o.environment = g.environment
                AND o.ended IS NULL AND o.expires > g.at) >= g.live)
        OR (g.per_day IS NOT NULL AND g.ahead + (SELECT count(*) FROM credctl_ledger.grants o
              WHERE o.scope = g.scope AND o.environment = g.environment
                AND o.issued > g.at - interval '24 hours') >= g.per_day);
    broken := broken || coalesce(more, '{}');
  END IF;
  IF grant_guards IS NOT NULL THEN
    SELECT array_agg(g.position) INTO more
      FROM json_to_recordset(grant_guards) AS g(position int, id text, live_at timestamptz)
     WHERE NOT EXISTS (SELECT FROM credctl_ledger.grants o WHERE o.id = g.id AND o.ended IS NULL
              AND (g.live_at IS NULL OR o.expires > g.live_at));
    broken := broken || coalesce(more, '{}');
  END IF;
  IF credential_guards IS NOT NULL THEN
    SELECT array_agg(g.position) INTO more
      FROM json_to_recordset(credential_guards) AS g(position int, id text)
     WHERE NOT EXISTS (SELECT FROM credctl_ledger.credentials o
              WHERE o.id = g.id AND o.status IN ('requested', 'minted'));
    broken := broken || coalesce(more, '{}');
  END IF;
  IF cardinality(broken) > 0 THEN
    RAISE EXCEPTION 'guards do not hold' USING ERRCODE = 'CL001', DETAIL = to_json(broken)::text;
  END IF;

  INSERT INTO credctl_ledger.entries (index, grant_id, leaf, body)
  SELECT expected_size + e.at - 1, e.grant_id,
         substr(leaves, (e.at::int - 1) * 32 + 1, 32), substr(bodies, e.start + 1, e.length)
    FROM unnest(grant_ids, starts, lengths) WITH ORDINALITY AS e(grant_id, start, length, at);

  IF cardinality(tile_levels) > 0 THEN
    INSERT INTO credctl_ledger.tiles (level, index, hashes, root)
    SELECT t.level, t.index, substr(tile_hashes, (t.at::int - 1) * 8192 + 1, 8192),
           substr(tile_roots, (t.at::int - 1) * 32 + 1, 32)
      FROM unnest(tile_levels, tile_indexes) WITH ORDINALITY AS t(level, index, at);
  END IF;
  IF new_grants IS NOT NULL THEN
    INSERT INTO credctl_ledger.grants
      (id, decided, scope, environment, class, issuer, subject, issued, expires)
    SELECT c."grant", expected_size + c.position, c.scope, c.environment, c.class, c.issuer,
           c.subject, c.at, c.expires
      FROM json_to_recordset(new_grants) AS c(position int, "grant" text, scope text,
        environment text, class text, issuer text, subject text, at timestamptz,
        expires timestamptz)
    ON CONFLICT DO NOTHING;
  END IF;
  IF new_ends IS NOT NULL THEN
    UPDATE credctl_ledger.grants g SET ended = c.at, cause = c.cause
      FROM json_to_recordset(new_ends) AS c("grant" text, at timestamptz, cause text)
     WHERE g.id = c."grant" AND g.ended IS NULL;
  END IF;
  IF new_credentials IS NOT NULL THEN
    INSERT INTO credctl_ledger.credentials (id, grant_id, target, requested, requested_at, status)
    SELECT c.credential, c."grant", c.target, expected_size + c.position, c.at, 'requested'
      FROM json_to_recordset(new_credentials) AS c(position int, credential text, "grant" text,
        target text, at timestamptz)
    ON CONFLICT DO NOTHING;
  END IF;
  IF new_outcomes IS NOT NULL THEN
    UPDATE credctl_ledger.credentials k
       SET status = c.status, expires = coalesce(c.expires, k.expires)
      FROM json_to_recordset(new_outcomes) AS c(credential text, status text, expires timestamptz)
     WHERE k.id = c.credential;
  END IF;
  RETURN true;
END $$;

-- Waits for its turn: whoever lost a race takes the lock first and builds its batch under it.
CREATE FUNCTION credctl_ledger.lock_head() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM credctl_ledger.head FOR UPDATE;
END $$;

-- After a lost connection: once this returns, a batch sent before it is in the log or never will be.
CREATE FUNCTION credctl_ledger.fence() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE credctl_ledger.head SET fence = fence + 1;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA credctl_ledger FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA credctl_ledger FROM PUBLIC;
`

export const MIGRATIONS: readonly string[] = [
  `${tables}${protection}${append}`,
  SINGLE_USE_MIGRATION,
  SESSION_MIGRATION,
  PUBLISHED_MIGRATION,
  OPENINGS_MIGRATION,
  EXPORT_CURSORS_MIGRATION,
  APPROVAL_MIGRATION,
]

/** What the broker's own role may do; said again at every migration. */
export function privileges(role: string): string {
  return `
GRANT USAGE ON SCHEMA credctl_ledger TO ${role};
GRANT SELECT ON ALL TABLES IN SCHEMA credctl_ledger TO ${role};
GRANT EXECUTE ON FUNCTION credctl_ledger.append, credctl_ledger.lock_head, credctl_ledger.fence TO ${role};
${singleUsePrivileges(role)}
${sessionPrivileges(role)}
${publishedPrivileges(role)}
${openingsPrivileges(role)}
${exportCursorsPrivileges(role)}
${approvalPrivileges(role)}
`
}
