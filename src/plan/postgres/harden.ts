import { granterRole } from './setup.ts'
import { quoteIdentifier, quoteLiteral } from './sql.ts'

/**
 * Functions of PostgreSQL itself that everybody may run and that do more than reading or changing
 * rows, in families: for queries with `pg_proc p` and `search_path` set to `pg_catalog`.
 */
export const POWERFUL_FUNCTIONS = `CASE
  WHEN p.proname ~ '^(lo_|loread|lowrite)' THEN 'large objects'
  WHEN p.proname ~ '^pg_.*advisory' THEN 'advisory locks'
  WHEN p.proname ~ '^(query|cursor|table|schema|database)_to_xml' THEN 'queries inside XML functions'
  WHEN p.proname ~ '^pg_sleep' THEN 'sleeping'
  WHEN p.proname IN ('ts_stat', 'pg_notify', 'pg_logical_emit_message', 'pg_export_snapshot') THEN p.proname::text
  WHEN p.oid = 'ts_rewrite(tsquery,text)'::regprocedure THEN 'ts_rewrite'
END`

/** Extensions whose functions reach files, programs or other servers. */
export const DANGEROUS_EXTENSIONS = [
  'adminpack',
  'aws_lambda',
  'aws_s3',
  'dblink',
  'file_fdw',
  'http',
  'lo',
  'pageinspect',
  'pg_background',
  'pg_cron',
  'pg_net',
  'plsh',
  'postgres_fdw',
]

/** Holds what PUBLIC held, for every role that existed when the database was hardened. */
const FORMER_PUBLIC = 'credctl_former_public'

/**
 * Takes from PUBLIC, and so from every login of ours, what the preflight reports: connecting to
 * other databases, temporary objects, DO blocks, large objects, functions with the rights of
 * others. Existing roles keep all of it through a role that they become members of, so that
 * applications notice nothing; a role created later needs that membership to be like them. Each
 * change is recorded with its undoing.
 *
 * For a superuser; the master user of a managed service can run it too and is told what it had to
 * leave. Idempotent. The statements belong into one transaction.
 */
export function hardenSql(admin: string): string[] {
  return [
    'SET LOCAL search_path = pg_catalog, pg_temp',
    'CREATE SCHEMA IF NOT EXISTS credctl',
    'REVOKE ALL ON SCHEMA credctl FROM PUBLIC',
    'CREATE TABLE IF NOT EXISTS credctl.hardening (step int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, undo text NOT NULL)',
    RECORD_IS_OURS,
    membershipBlock(admin),
    revocationBlock(),
    ...guardStatements(),
  ]
}

/** Puts back what `hardenSql` took in this database, newest change first. One transaction. */
export function unhardenSql(): string[] {
  return [
    'SET LOCAL search_path = pg_catalog, pg_temp',
    RECORD_IS_OURS,
    'DROP EVENT TRIGGER IF EXISTS credctl_ddl_guard',
    `DO $do$ DECLARE change record; BEGIN
  FOR change IN SELECT undo FROM credctl.hardening ORDER BY step DESC LOOP
    BEGIN EXECUTE change.undo;
    EXCEPTION WHEN undefined_object OR undefined_table OR undefined_function OR undefined_column OR invalid_schema_name OR invalid_catalog_name THEN
      RAISE NOTICE 'no longer there: %', change.undo;
    END;
  END LOOP;
END $do$`,
    'DROP SCHEMA credctl CASCADE',
    `DO $do$ BEGIN DROP ROLE ${FORMER_PUBLIC};
EXCEPTION WHEN dependent_objects_still_exist THEN RAISE NOTICE '${FORMER_PUBLIC} is still used by another hardened database';
END $do$`,
  ]
}

/**
 * The undoing runs what the record says. Whoever may create schemas could have put one there first,
 * with statements that a superuser would then run.
 */
const RECORD_IS_OURS = `DO $do$ BEGIN
  IF EXISTS (SELECT FROM (
      SELECT n.nspowner AS owner, n.nspacl AS acl FROM pg_namespace n WHERE n.nspname = 'credctl'
      UNION ALL SELECT c.relowner, c.relacl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'credctl'
      UNION ALL SELECT p.proowner, NULL FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'credctl') held
    WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = held.owner AND (r.rolsuper OR r.rolname = current_user))
      OR EXISTS (SELECT FROM aclexplode(held.acl) x WHERE x.grantee <> held.owner))
  THEN RAISE EXCEPTION 'schema credctl is not only yours: look at what is in it, and drop it' USING ERRCODE = '42501'; END IF;
END $do$`

function membershipBlock(admin: string): string {
  return `DO $do$ DECLARE member name; BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${FORMER_PUBLIC}') THEN CREATE ROLE ${FORMER_PUBLIC} NOLOGIN; END IF;
  FOR member IN SELECT r.rolname FROM pg_roles r WHERE NOT r.rolsuper AND r.rolname !~ '^(pg_|cbg_|cbs_)'
    AND r.rolname NOT IN ('${FORMER_PUBLIC}', current_user, ${quoteLiteral(admin)}, ${quoteLiteral(granterRole(admin))})
    AND NOT pg_has_role(r.rolname, '${FORMER_PUBLIC}', 'MEMBER')
  LOOP EXECUTE format('GRANT ${FORMER_PUBLIC} TO %I WITH INHERIT TRUE, SET FALSE', member); END LOOP;
END $do$`
}

/** Everything PUBLIC holds that the preflight would report, as `privilege` on `object`. */
const HELD_BY_PUBLIC = `SELECT x.privilege_type AS privilege, format('DATABASE %I', d.datname) AS object, d.datdba AS owner
    FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x WHERE d.datallowconn AND x.grantee = 0
  UNION ALL SELECT x.privilege_type, format('SCHEMA %I', n.nspname), n.nspowner
    FROM pg_namespace n, aclexplode(n.nspacl) x WHERE x.grantee = 0 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL SELECT x.privilege_type, format('%s %I.%I', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname), c.relowner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) x
    WHERE x.grantee = 0 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL SELECT format('%s (%I)', x.privilege_type, a.attname), format('TABLE %I.%I', n.nspname, c.relname), c.relowner
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(a.attacl) x
    WHERE a.attacl IS NOT NULL AND x.grantee = 0 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL SELECT x.privilege_type, format('ROUTINE %s', p.oid::regprocedure), p.proowner
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
      LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      LEFT JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid,
      aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
    WHERE x.grantee = 0 AND CASE WHEN p.pronamespace = 'pg_catalog'::regnamespace THEN (${POWERFUL_FUNCTIONS}) IS NOT NULL
      ELSE p.prosecdef OR (l.lanispl AND NOT l.lanpltrusted) OR e.extname IN (${DANGEROUS_EXTENSIONS.map(quoteLiteral).join(', ')}) END
  UNION ALL SELECT x.privilege_type, format('LANGUAGE %I', l.lanname), l.lanowner
    FROM pg_language l, aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) x WHERE l.lanispl AND x.grantee = 0
  UNION ALL SELECT x.privilege_type, format('FOREIGN DATA WRAPPER %I', f.fdwname), f.fdwowner
    FROM pg_foreign_data_wrapper f, aclexplode(f.fdwacl) x WHERE x.grantee = 0
  UNION ALL SELECT x.privilege_type, format('FOREIGN SERVER %I', f.srvname), f.srvowner
    FROM pg_foreign_server f, aclexplode(f.srvacl) x WHERE x.grantee = 0
  UNION ALL SELECT x.privilege_type, format('LARGE OBJECT %s', m.oid), m.lomowner
    FROM pg_largeobject_metadata m, aclexplode(m.lomacl) x WHERE x.grantee = 0`

function revocationBlock(): string {
  return `DO $do$ DECLARE held record; left_alone int := 0; BEGIN
  FOR held IN ${HELD_BY_PUBLIC}
  LOOP
    IF NOT pg_has_role(current_user, held.owner, 'USAGE') THEN left_alone := left_alone + 1; CONTINUE; END IF;
    INSERT INTO credctl.hardening (undo) VALUES (format('GRANT %1$s ON %2$s TO PUBLIC; REVOKE %1$s ON %2$s FROM ${FORMER_PUBLIC}', held.privilege, held.object));
    EXECUTE format('GRANT %s ON %s TO ${FORMER_PUBLIC}', held.privilege, held.object);
    EXECUTE format('REVOKE %s ON %s FROM PUBLIC', held.privilege, held.object);
  END LOOP;
  IF left_alone > 0 THEN RAISE NOTICE '% privileges of PUBLIC are on objects of others and stay', left_alone; END IF;
END $do$`
}

/** The second lock on the shape of the database: it refuses DDL by the name of the session. */
function guardStatements(): string[] {
  const guard = `${quoteIdentifier('credctl')}.ddl_guard()`
  return [
    // Not SECURITY DEFINER: it would then be one more function with the rights of others.
    `CREATE OR REPLACE FUNCTION ${guard} RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  IF session_user LIKE 'cbg\\_%' THEN RAISE EXCEPTION 'credctl logins change data, never shape: %', tg_tag USING ERRCODE = '42501'; END IF;
END $fn$`,
    `REVOKE ALL ON FUNCTION ${guard} FROM PUBLIC`,
    `DO $do$ BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'credctl_ddl_guard') THEN RETURN; END IF;
  CREATE EVENT TRIGGER credctl_ddl_guard ON ddl_command_start EXECUTE FUNCTION ${guard};
EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'this role may not create event triggers: DDL is refused by privileges alone';
END $do$`,
  ]
}
