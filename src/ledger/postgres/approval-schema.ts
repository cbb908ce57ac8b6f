/*
 * Requests for approval: what queries select by and what two writers must not both change. All else
 * is read from the entries of the request's chain.
 *
 * `move_approvals` is a function of its own beside `append`: a batch that touches no approval, which
 * is nearly every batch, pays nothing for it. It is called in the transaction of the append that
 * makes the entries durable, under the lock of the head, so that nothing changes in between. Error
 * CL001 as for `append`.
 */
export const APPROVAL_MIGRATION = `
CREATE TABLE credctl_ledger.approvals (
  id text COLLATE "C" PRIMARY KEY,
  decided bigint NOT NULL,
  last bigint NOT NULL CHECK (last >= decided),
  scope text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  class text COLLATE "C" NOT NULL,
  issuer text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  binding text COLLATE "C" NOT NULL,
  groups text[] NOT NULL,
  expires timestamptz NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN
    ('pending', 'approved', 'denied', 'redeemed', 'expired', 'void', 'cancelled'))
);
-- One open request for one thing.
CREATE UNIQUE INDEX approvals_open ON credctl_ledger.approvals (binding)
  WHERE status IN ('pending', 'approved');
CREATE INDEX approvals_expiring ON credctl_ledger.approvals (expires)
  WHERE status IN ('pending', 'approved');
CREATE INDEX approvals_pending ON credctl_ledger.approvals (id) WHERE status = 'pending';
CREATE INDEX approvals_of ON credctl_ledger.approvals (issuer, subject, id);
-- Whoever asks is told when the same was denied a while ago.
CREATE INDEX approvals_same ON credctl_ledger.approvals (binding, id);

CREATE FUNCTION credctl_ledger.only_settle() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.status = 'pending' OR (OLD.status = 'approved' AND NEW.status <> 'pending') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a request that is % cannot become %', OLD.status, NEW.status
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER only_settle BEFORE UPDATE ON credctl_ledger.approvals
  FOR EACH ROW EXECUTE FUNCTION credctl_ledger.only_settle();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON credctl_ledger.approvals
  FOR EACH STATEMENT EXECUTE FUNCTION credctl_ledger.refuse();

CREATE FUNCTION credctl_ledger.move_approvals(base bigint, guards json, asked json, moved json)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  broken int[];
BEGIN
  PERFORM FROM credctl_ledger.head FOR UPDATE;
  SELECT array_agg(g.position) INTO broken
    FROM json_to_recordset(guards) AS g(position int, id text, last bigint, at timestamptz,
      statuses json, binding text)
   WHERE (g.binding IS NOT NULL AND EXISTS (SELECT FROM credctl_ledger.approvals o
            WHERE o.binding = g.binding AND o.status IN ('pending', 'approved')))
      OR (g.binding IS NULL AND NOT EXISTS (SELECT FROM credctl_ledger.approvals o
            WHERE o.id = g.id AND o.last = g.last
              AND o.status IN (SELECT json_array_elements_text(g.statuses))
              AND (g.at IS NULL OR o.expires > g.at)));
  IF cardinality(broken) > 0 THEN
    RAISE EXCEPTION 'guards do not hold' USING ERRCODE = 'CL001', DETAIL = to_json(broken)::text;
  END IF;

  INSERT INTO credctl_ledger.approvals
    (id, decided, last, scope, environment, class, issuer, subject, binding, groups, expires)
  SELECT c."grant", base + c.position, base + c.position, c.scope, c.environment, c.class,
         c.issuer, c.subject, c.binding, ARRAY(SELECT json_array_elements_text(c.groups)), c.expires
    FROM json_to_recordset(asked) AS c(position int, "grant" text, scope text, environment text,
      class text, issuer text, subject text, binding text, groups json, expires timestamptz);
  UPDATE credctl_ledger.approvals a SET status = c.status, last = base + c.position
    FROM json_to_recordset(moved) AS c(position int, "grant" text, status text)
   WHERE a.id = c."grant";
END $$;

REVOKE ALL ON FUNCTION credctl_ledger.move_approvals, credctl_ledger.only_settle FROM PUBLIC;
REVOKE ALL ON credctl_ledger.approvals FROM PUBLIC;
`

export function approvalPrivileges(role: string): string {
  return `GRANT EXECUTE ON FUNCTION credctl_ledger.move_approvals TO ${role};`
}
