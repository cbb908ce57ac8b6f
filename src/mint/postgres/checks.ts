import type { Finding, FindingName } from './finding.ts'

/**
 * One question to the live server. Its SQL follows the expressions of `subjectSql` and gives a row
 * for each finding: `object`, `detail`, `fix` (may be null), and `level` where rows differ in it.
 */
export interface Check {
  readonly finding: FindingName
  readonly level: 'blocks' | 'warns'
  readonly sql: string
  /** The sentence for one row. */
  readonly message: (object: string, detail: string) => string
}

/** Enough to act on; a database that leaks everything does not need all of it listed. */
const ROWS = 200

/** Schemas where PostgreSQL itself grants to everybody. */
const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'`

const MEMBERSHIP: Check = {
  finding: 'group_role',
  level: 'blocks',
  message: (object, detail) => `${object}: ${detail}`,
  sql: `SELECT s.name::text AS object, x.detail, NULL AS fix FROM subject s, LATERAL (
    SELECT 'is a member of ' || a.roleid::regrole::text AS detail FROM pg_auth_members a WHERE a.member = s.oid
    UNION ALL SELECT 'has a role attribute that gives power: ' || concat_ws(', ',
        CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
        CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
        CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN r.rolcanlogin THEN 'LOGIN' END)
      FROM pg_roles r WHERE r.oid = s.oid AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb
        OR r.rolreplication OR r.rolbypassrls OR r.rolcanlogin)) x`,
}

/** By name, so that a renamed table shows as one privilege missing and one too many. */
const HELD = `SELECT 'database' AS onto, '' AS nsp, d.datname::text AS rel, '' AS col, x.privilege_type AS priv, x.is_grantable
    FROM subject s, pg_database d, aclexplode(d.datacl) x WHERE x.grantee = s.oid AND s.oid <> 0
  UNION ALL SELECT 'schema', n.nspname, '', '', x.privilege_type, x.is_grantable
    FROM subject s, pg_namespace n, aclexplode(n.nspacl) x WHERE x.grantee = s.oid AND s.oid <> 0
  UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'relation' END, n.nspname, c.relname, '', x.privilege_type, x.is_grantable
    FROM held h JOIN pg_class c ON c.oid = h.objid JOIN pg_namespace n ON n.oid = c.relnamespace, subject s, aclexplode(c.relacl) x
    WHERE h.classid = 'pg_class'::regclass AND h.objsubid = 0 AND h.here AND x.grantee = s.oid
  UNION ALL SELECT 'relation', n.nspname, c.relname, a.attname, x.privilege_type, x.is_grantable
    FROM held h JOIN pg_attribute a ON a.attrelid = h.objid AND a.attnum = h.objsubid JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace, subject s, aclexplode(a.attacl) x
    WHERE h.classid = 'pg_class'::regclass AND h.objsubid <> 0 AND h.here AND x.grantee = s.oid`

const GROUP_EXTRA: Check = {
  finding: 'group_role',
  level: 'blocks',
  message: (object, detail) => `the group role has ${detail} on ${object}, which the plan does not`,
  sql: `, held AS (SELECT p.*, p.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AS here
      FROM pg_shdepend p, subject s WHERE p.refclassid = 'pg_authid'::regclass AND p.refobjid = s.oid AND p.deptype = 'a'),
    actual AS (${HELD})
    SELECT concat_ws('.', nullif(nsp, ''), nullif(rel, ''), nullif(col, '')) AS object,
      priv || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS detail, NULL AS fix
    FROM actual a WHERE is_grantable OR NOT EXISTS (SELECT FROM expected e
      WHERE (e.onto, e.nsp, e.rel, e.col, e.priv) = (a.onto, a.nsp, a.rel, a.col, a.priv))
    UNION ALL SELECT CASE WHEN dbid = 0 OR here THEN pg_describe_object(classid, objid, 0)
        ELSE 'an object in another database' END, 'a privilege', NULL
      FROM held WHERE NOT (here OR (dbid = 0 AND classid = 'pg_database'::regclass))
        OR (here AND classid NOT IN ('pg_class'::regclass, 'pg_namespace'::regclass))`,
}

const GROUP_LACKS: Check = {
  finding: 'group_role',
  level: 'blocks',
  message: (object, detail) => `the group role lacks ${detail} on ${object}`,
  sql: `SELECT concat_ws('.', nullif(e.nsp, ''), nullif(e.rel, ''), nullif(e.col, '')) AS object, e.priv AS detail, NULL AS fix
    FROM expected e CROSS JOIN subject s LEFT JOIN pg_namespace n ON n.nspname = e.nsp
      LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = e.rel
    WHERE s.oid <> 0 AND NOT coalesce(CASE e.onto
      WHEN 'database' THEN has_database_privilege(s.oid, e.rel, 'CONNECT')
      WHEN 'schema' THEN has_schema_privilege(s.oid, n.oid, 'USAGE')
      WHEN 'sequence' THEN c.relkind <> 'S' OR has_sequence_privilege(s.oid, c.oid, 'USAGE')
      ELSE c.relkind = 'S' OR CASE WHEN e.col = '' THEN has_table_privilege(s.oid, c.oid, e.priv)
        ELSE coalesce(has_column_privilege(s.oid, c.oid,
          (SELECT attnum FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = e.col AND NOT a.attisdropped), e.priv), false) END
      END, e.onto IN ('relation', 'sequence') AND c.oid IS NULL)`,
}

const MISSING: Check = {
  finding: 'relation_missing',
  level: 'blocks',
  message: (object, detail) => `${detail} ${object} does not exist; it may have been renamed`,
  sql: `SELECT format('%I.%I', d.nsp, d.rel) AS object, replace(d.kind, '_', ' ') AS detail, NULL AS fix
    FROM declared d WHERE NOT EXISTS (SELECT FROM scoped s WHERE (s.nsp, s.rel) = (d.nsp, d.rel))
    UNION ALL SELECT format('%I.%I', e.nsp, e.rel), 'sequence', NULL FROM expected e WHERE e.onto = 'sequence'
      AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'S' AND n.nspname = e.nsp AND c.relname = e.rel)`,
}

const KIND: Check = {
  finding: 'relation_kind',
  level: 'blocks',
  message: (object, detail) => `${object} is ${detail}; the scope must list it as one`,
  sql: `SELECT format('%I.%I', nsp, rel) AS object, CASE relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialised view (views)'
      WHEN 'f' THEN 'a foreign table' ELSE 'a table' END AS detail, NULL AS fix
    FROM scoped WHERE NOT CASE kind WHEN 'table' THEN relkind IN ('r', 'p')
      WHEN 'view' THEN relkind IN ('v', 'm') ELSE relkind = 'f' END`,
}

const ROW_SECURITY: Check = {
  finding: 'row_security_missing',
  level: 'blocks',
  message: (object) => `${object} has no row-level security, which the scope requires`,
  sql: `SELECT format('%I.%I', nsp, rel) AS object, '' AS detail,
      format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', nsp, rel) AS fix
    FROM scoped WHERE rls AND NOT relrowsecurity`,
}

const BEYOND: Check = {
  finding: 'privilege_beyond_plan',
  level: 'blocks',
  message: (object, detail) => `everybody has ${detail} on ${object}, beyond the plan`,
  sql: `SELECT format('%I.%I', n.nspname, c.relname) AS object, string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) AS detail,
      format('REVOKE ALL ON %s %I.%I FROM PUBLIC', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname) AS fix
    FROM subject s, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) x
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${OURS} AND x.grantee = 0
      AND has_schema_privilege(s.name, n.oid, 'USAGE')
      AND NOT EXISTS (SELECT FROM expected e WHERE (e.nsp, e.rel, e.col, e.priv) = (n.nspname, c.relname, '', x.privilege_type))
    GROUP BY n.nspname, c.relname, c.relkind
    UNION ALL SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname), string_agg(x.privilege_type, ', '),
      format('REVOKE ALL (%I) ON TABLE %I.%I FROM PUBLIC', a.attname, n.nspname, c.relname)
    FROM subject s, pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(a.attacl) x
    WHERE a.attacl IS NOT NULL AND ${OURS} AND x.grantee = 0 AND has_schema_privilege(s.name, n.oid, 'USAGE')
      AND NOT EXISTS (SELECT FROM expected e
        WHERE (e.nsp, e.rel, e.priv) = (n.nspname, c.relname, x.privilege_type) AND e.col IN ('', a.attname))
    GROUP BY n.nspname, c.relname, a.attname`,
}

const CATALOG_SECRET: Check = {
  finding: 'catalog_secret',
  level: 'blocks',
  message: (object, detail) => `everybody has ${detail} on ${object}, which holds secrets`,
  sql: `SELECT c.oid::regclass::text AS object, x.privilege_type AS detail,
      format('REVOKE %s ON %s FROM PUBLIC', x.privilege_type, c.oid::regclass) AS fix
    FROM pg_class c, aclexplode(c.relacl) x WHERE c.relnamespace = 'pg_catalog'::regnamespace AND x.grantee = 0
      AND c.relname IN ('pg_authid', 'pg_shadow', 'pg_largeobject', 'pg_statistic', 'pg_user_mapping',
        'pg_subscription', 'pg_hba_file_rules', 'pg_ident_file_mappings', 'pg_file_settings', 'pg_statistic_ext_data')`,
}

const DEFINER: Check = {
  finding: 'definer_function',
  level: 'blocks',
  message: (object, detail) => `everybody can run ${object} with the rights of ${detail}`,
  sql: `SELECT p.oid::regprocedure::text AS object, p.proowner::regrole::text AS detail,
      format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', p.oid::regprocedure) AS fix
    FROM subject s, pg_proc p WHERE p.prosecdef AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
      AND has_schema_privilege(s.name, p.pronamespace, 'USAGE') AND has_function_privilege(s.name, p.oid, 'EXECUTE')`,
}

const OTHER_DATABASE: Check = {
  finding: 'other_database',
  level: 'blocks',
  message: (object) => `a login can connect to database ${object}, which is not in the plan`,
  sql: `SELECT quote_ident(d.datname) AS object, '' AS detail, format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', d.datname) AS fix
    FROM subject s, pg_database d WHERE d.datallowconn AND d.datname <> current_database() AND NOT d.datistemplate
      AND d.datname <> 'postgres' AND has_database_privilege(s.name, d.oid, 'CONNECT')`,
}

const MAINTENANCE_DATABASE: Check = {
  finding: 'maintenance_database',
  level: 'warns',
  message: (object) => `a login can connect to database ${object}, which should hold nothing`,
  sql: `SELECT quote_ident(d.datname) AS object, '' AS detail, format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', d.datname) AS fix
    FROM subject s, pg_database d WHERE d.datallowconn AND d.datname <> current_database()
      AND (d.datistemplate OR d.datname = 'postgres') AND has_database_privilege(s.name, d.oid, 'CONNECT')`,
}

const DATABASE_CREATE: Check = {
  finding: 'database_create',
  level: 'blocks',
  message: (object) => `everybody may create schemas in database ${object}`,
  sql: `SELECT quote_ident(d.datname) AS object, '' AS detail, format('REVOKE CREATE ON DATABASE %I FROM PUBLIC', d.datname) AS fix
    FROM subject s, pg_database d WHERE d.datallowconn AND has_database_privilege(s.name, d.oid, 'CREATE')`,
}

const TEMPORARY: Check = {
  finding: 'temporary_objects',
  level: 'warns',
  message: (object) => `everybody may create temporary tables and functions in ${object}`,
  sql: `SELECT quote_ident(d.datname) AS object, '' AS detail, format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', d.datname) AS fix
    FROM subject s, pg_database d WHERE d.datname = current_database() AND has_database_privilege(s.name, d.oid, 'TEMP')`,
}

const SCHEMA_CREATE: Check = {
  finding: 'schema_create',
  level: 'blocks',
  message: (object) => `everybody may create objects in schema ${object}`,
  sql: `SELECT quote_ident(n.nspname) AS object, '' AS detail, format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', n.nspname) AS fix
    FROM subject s, pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)' AND has_schema_privilege(s.name, n.oid, 'CREATE')`,
}

const OWNED: Check = {
  finding: 'owned_object',
  level: 'blocks',
  message: (object, detail) => `the group role owns ${object}${detail}`,
  sql: `SELECT p.classid::regclass::text || ' ' || p.objid AS object,
      coalesce(' in database ' || d.datname, '') AS detail, NULL AS fix
    FROM subject s, pg_shdepend p LEFT JOIN pg_database d ON d.oid = p.dbid
    WHERE p.deptype = 'o' AND p.refclassid = 'pg_authid'::regclass AND p.refobjid = s.oid AND s.oid <> 0`,
}

const FOREIGN_KEY: Check = {
  finding: 'foreign_key_action',
  level: 'blocks',
  message: (object, detail) => `${detail} through ${object}, a table the scope does not declare`,
  sql: `, action AS (
      SELECT k.*, r.verbs, 'delete' AS cause, CASE confdeltype WHEN 'c' THEN 'delete' ELSE 'update' END AS effect
        FROM pg_constraint k JOIN reached r ON r.oid = k.confrelid
        WHERE k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd') AND 'delete' = ANY (r.verbs)
      UNION ALL SELECT k.*, r.verbs, 'update', 'update' FROM pg_constraint k JOIN reached r ON r.oid = k.confrelid
        WHERE k.contype = 'f' AND k.confupdtype IN ('c', 'n', 'd') AND 'update' = ANY (r.verbs)
          AND (r.updated IS NULL OR EXISTS (SELECT FROM pg_attribute a
            WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey) AND a.attname = ANY (r.updated))))
    SELECT a.conrelid::regclass || '.' || quote_ident(a.conname) AS object,
      format('%s of %s rows also makes the server %s rows', a.cause, a.confrelid::regclass, a.effect) AS detail,
      format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s', a.conrelid::regclass, a.conname, a.conname,
        regexp_replace(pg_get_constraintdef(a.oid), ' ON (DELETE|UPDATE) (CASCADE|SET NULL|SET DEFAULT)( \\([^)]*\\))?', '', 'g')) AS fix
    FROM action a WHERE a.conparentid = 0
      AND NOT EXISTS (SELECT FROM reached c WHERE c.oid = a.conrelid AND a.effect = ANY (c.verbs))`,
}

const DEFINER_TRIGGER: Check = {
  finding: 'definer_trigger',
  level: 'blocks',
  message: (object, detail) => `a trigger on ${object} runs with the rights of ${detail}`,
  sql: `SELECT t.tgrelid::regclass || '.' || quote_ident(t.tgname) AS object, p.proowner::regrole::text AS detail,
      format('ALTER FUNCTION %s SECURITY INVOKER', p.oid::regprocedure) AS fix
    FROM reached r JOIN pg_trigger t ON t.tgrelid = r.oid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND p.prosecdef AND (
      (t.tgtype & 4 <> 0 AND 'insert' = ANY (r.verbs)) OR (t.tgtype & 8 <> 0 AND 'delete' = ANY (r.verbs))
      OR (t.tgtype & 16 <> 0 AND 'update' = ANY (r.verbs)))`,
}

const RULE: Check = {
  finding: 'rewrite_rule',
  level: 'blocks',
  message: (object) => `rule ${object} rewrites statements, with the rights of its owner`,
  sql: `SELECT w.ev_class::regclass || '.' || quote_ident(w.rulename) AS object, '' AS detail,
      format('DROP RULE %I ON %s', w.rulename, w.ev_class::regclass) AS fix
    FROM reached r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN' AND w.ev_enabled <> 'D'
      AND CASE w.ev_type WHEN '1' THEN 'select' WHEN '2' THEN 'update' WHEN '3' THEN 'insert' ELSE 'delete' END = ANY (r.verbs)`,
}

const INHERITANCE: Check = {
  finding: 'inheritance_child',
  level: 'blocks',
  message: (object, detail) => `${object} inherits from ${detail}: statements on that reach it too`,
  sql: `SELECT i.inhrelid::regclass::text AS object, i.inhparent::regclass::text AS detail,
      format('ALTER TABLE %s NO INHERIT %s', i.inhrelid::regclass, i.inhparent::regclass) AS fix
    FROM reached r JOIN pg_inherits i ON i.inhparent = r.oid JOIN pg_class c ON c.oid = i.inhrelid
    WHERE NOT c.relispartition AND NOT EXISTS (SELECT FROM scoped s WHERE s.oid = c.oid)`,
}

const EXTENSION: Check = {
  finding: 'dangerous_extension',
  level: 'blocks',
  message: (object, detail) => `everybody can run ${detail} functions of extension ${object}`,
  sql: `SELECT quote_ident(e.extname) AS object, count(*)::text AS detail,
      format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', string_agg(p.oid::regprocedure::text, ', ')) AS fix
    FROM subject s, pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
      AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e' JOIN pg_proc p ON p.oid = d.objid
    WHERE e.extname IN ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'http', 'pg_net', 'aws_s3', 'aws_lambda',
        'pg_background', 'pg_cron', 'pageinspect', 'plsh', 'lo', 'pg_execute_server_program')
      AND has_schema_privilege(s.name, p.pronamespace, 'USAGE') AND has_function_privilege(s.name, p.oid, 'EXECUTE')
      AND p.prorettype NOT IN ('trigger'::regtype, 'fdw_handler'::regtype) AND p.proname NOT LIKE '%\\_validator'
      AND p.proname NOT LIKE '%\\_handler'
    GROUP BY e.extname`,
}

const FOREIGN_SERVER: Check = {
  finding: 'foreign_server',
  level: 'blocks',
  message: (object, detail) => `${detail} ${object} reaches another server`,
  sql: `SELECT quote_ident(fdwname) AS object, 'everybody may use foreign-data wrapper' AS detail,
      format('REVOKE USAGE ON FOREIGN DATA WRAPPER %I FROM PUBLIC', fdwname) AS fix
    FROM subject s, pg_foreign_data_wrapper f WHERE has_foreign_data_wrapper_privilege(s.name, f.oid, 'USAGE')
    UNION ALL SELECT quote_ident(srvname), 'everybody may use foreign server', format('REVOKE USAGE ON FOREIGN SERVER %I FROM PUBLIC', srvname)
    FROM subject s, pg_foreign_server f WHERE has_server_privilege(s.name, f.oid, 'USAGE')
    UNION ALL SELECT c.oid::regclass::text, 'a partition of a declared table', NULL
    FROM reached r JOIN pg_class c ON c.oid = r.oid WHERE c.relkind = 'f' AND NOT EXISTS (SELECT FROM scoped s WHERE s.oid = c.oid)`,
}

const LANGUAGE: Check = {
  finding: 'procedural_language',
  level: 'warns',
  message: (object, detail) => `everybody may run code in ${detail}language ${object} (DO blocks)`,
  sql: `SELECT quote_ident(lanname) AS object, CASE WHEN lanpltrusted THEN '' ELSE 'untrusted ' END AS detail,
      format('REVOKE USAGE ON LANGUAGE %I FROM PUBLIC', lanname) AS fix,
      CASE WHEN lanpltrusted THEN 'warns' ELSE 'blocks' END AS level
    FROM subject s, pg_language l WHERE lanispl AND has_language_privilege(s.name, l.oid, 'USAGE')
    UNION ALL SELECT p.oid::regprocedure::text, 'untrusted ', format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', p.oid::regprocedure), 'blocks'
    FROM subject s, pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE l.lanispl AND NOT l.lanpltrusted
      AND has_schema_privilege(s.name, p.pronamespace, 'USAGE') AND has_function_privilege(s.name, p.oid, 'EXECUTE')`,
}

const LARGE_OBJECT: Check = {
  finding: 'large_object',
  level: 'blocks',
  message: (object, detail) => `${detail} large object ${object}`,
  sql: `SELECT m.oid::text AS object, 'everybody may use' AS detail, format('REVOKE ALL ON LARGE OBJECT %s FROM PUBLIC', m.oid) AS fix
    FROM pg_largeobject_metadata m, aclexplode(m.lomacl) x WHERE x.grantee = 0
    UNION ALL SELECT 'lo_compat_privileges', 'a server setting opens every', 'ALTER SYSTEM RESET lo_compat_privileges'
    WHERE current_setting('lo_compat_privileges') = 'on'`,
}

/** In families, as one revokes them; the list is what `hardenSql` closes. */
export const POWERFUL_FUNCTIONS = `CASE
      WHEN p.proname ~ '^(lo_|loread|lowrite)' THEN 'large objects'
      WHEN p.proname ~ '^pg_.*advisory' THEN 'advisory locks'
      WHEN p.proname ~ '^(query|cursor|table|schema|database)_to_xml' THEN 'queries inside XML functions'
      WHEN p.proname ~ '^pg_sleep' THEN 'sleeping'
      WHEN p.proname IN ('ts_stat', 'pg_notify', 'pg_logical_emit_message', 'pg_export_snapshot') THEN p.proname::text
      WHEN p.oid = 'ts_rewrite(tsquery,text)'::regprocedure THEN 'ts_rewrite'
    END`

const POWERFUL: Check = {
  finding: 'powerful_functions',
  level: 'warns',
  message: (object, detail) => `everybody can run ${detail} functions for ${object}`,
  sql: `SELECT family AS object, count(*)::text AS detail,
      format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', string_agg(f.oid::regprocedure::text, ', ')) AS fix
    FROM (SELECT p.oid, ${POWERFUL_FUNCTIONS} AS family FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace) f, subject s
    WHERE family IS NOT NULL AND has_function_privilege(s.name, f.oid, 'EXECUTE') GROUP BY family`,
}

const PARAMETER: Check = {
  finding: 'group_role',
  level: 'blocks',
  message: (object, detail) => `everybody may ${detail} the server parameter ${object}`,
  sql: `SELECT parname AS object, x.privilege_type AS detail, format('REVOKE %s ON PARAMETER %s FROM PUBLIC', x.privilege_type, parname) AS fix
    FROM subject s, pg_parameter_acl a, aclexplode(a.paracl) x WHERE x.grantee = 0 OR (x.grantee = s.oid AND s.oid <> 0)`,
}

const PREPARED: Check = {
  finding: 'prepared_transactions',
  level: 'blocks',
  message: (_object, detail) =>
    `prepared transactions are on (${detail}): one can hold locks after its login is gone`,
  sql: `SELECT 'max_prepared_transactions' AS object, current_setting('max_prepared_transactions') AS detail,
      'ALTER SYSTEM SET max_prepared_transactions = 0' AS fix WHERE current_setting('max_prepared_transactions') <> '0'`,
}

const DEFAULTS: Check = {
  finding: 'default_privileges',
  level: 'warns',
  message: (object, detail) => `objects that ${object} creates later will give everybody ${detail}`,
  sql: `SELECT quote_ident(d.defaclrole::regrole::text) || coalesce(' in ' || quote_ident(n.nspname), '') AS object,
      string_agg(x.privilege_type, ', ') || ' on ' || CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
        WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS detail,
      NULL AS fix
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) x, subject s
    WHERE (x.grantee = 0 OR (x.grantee = s.oid AND s.oid <> 0)) AND d.defaclobjtype NOT IN ('T')
    GROUP BY d.defaclrole, n.nspname, d.defaclobjtype`,
}

const BROKER: Check = {
  finding: 'broker_overprivileged',
  level: 'blocks',
  message: (object, detail) => `the broker's admin ${object} ${detail}`,
  sql: `SELECT quote_ident(current_user) AS object, x.detail, x.fix FROM (
      SELECT 'is a superuser' AS detail, format('ALTER ROLE %I NOSUPERUSER', current_user) AS fix
        FROM pg_roles WHERE rolname = current_user AND rolsuper
      UNION ALL SELECT 'may bypass row-level security', format('ALTER ROLE %I NOBYPASSRLS', current_user)
        FROM pg_roles WHERE rolname = current_user AND rolbypassrls AND NOT rolsuper
      UNION ALL SELECT DISTINCT 'is a member of ' || relowner::regrole || ', who owns declared tables', format('REVOKE %s FROM %I', relowner::regrole, current_user)
        FROM scoped WHERE pg_has_role(current_user, relowner, 'MEMBER')
          AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) x`,
}

const SEQUENCE: Check = {
  finding: 'sequence_missing',
  level: 'warns',
  message: (object, detail) =>
    `inserting into ${detail} needs sequence ${object}; the scope has not listed it`,
  sql: `SELECT d.objid::regclass::text AS object, d.refobjid::regclass::text AS detail, NULL AS fix
    FROM scoped s JOIN pg_depend d ON d.refobjid = s.oid AND d.refclassid = 'pg_class'::regclass
      AND d.classid = 'pg_class'::regclass AND d.deptype = 'a' AND d.refobjsubid > 0
    JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S' JOIN pg_namespace n ON n.oid = q.relnamespace
    WHERE 'insert' = ANY (s.verbs)
      AND NOT EXISTS (SELECT FROM expected e WHERE e.onto = 'sequence' AND (e.nsp, e.rel) = (n.nspname, q.relname))`,
}

const STATISTICS: Check = {
  finding: 'statistics_off',
  level: 'warns',
  message: () => 'track_counts is off: a catalogue that changes is noticed only after minutes',
  sql: `SELECT 'track_counts' AS object, '' AS detail, 'ALTER SYSTEM SET track_counts = on' AS fix
    WHERE current_setting('track_counts') <> 'on'`,
}

/** In the order in which `doctor` prints them. */
export const CHECKS: readonly Check[] = [
  MISSING,
  KIND,
  ROW_SECURITY,
  GROUP_LACKS,
  GROUP_EXTRA,
  MEMBERSHIP,
  OWNED,
  PARAMETER,
  BEYOND,
  CATALOG_SECRET,
  SCHEMA_CREATE,
  DATABASE_CREATE,
  DEFINER,
  DEFINER_TRIGGER,
  RULE,
  FOREIGN_KEY,
  INHERITANCE,
  OTHER_DATABASE,
  EXTENSION,
  FOREIGN_SERVER,
  LARGE_OBJECT,
  PREPARED,
  BROKER,
  MAINTENANCE_DATABASE,
  TEMPORARY,
  LANGUAGE,
  POWERFUL,
  DEFAULTS,
  SEQUENCE,
  STATISTICS,
]

/** The statement of one check, limited; `subject` comes from `subjectSql`. */
export function checkSql(check: Check, subject: string): string {
  return `${subject}${check.sql}\nLIMIT ${ROWS}`
}

export function findingOf(check: Check, row: Readonly<Record<string, unknown>>): Finding {
  const object = String(row['object'])
  const fix = row['fix']
  return {
    finding: check.finding,
    object,
    message: check.message(object, String(row['detail'])),
    ...(typeof fix === 'string' ? { fix } : {}),
    status: row['level'] === 'warns' || row['level'] === 'blocks' ? row['level'] : check.level,
  }
}
