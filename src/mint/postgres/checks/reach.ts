import { DANGEROUS_EXTENSIONS } from '../../../plan/postgres/harden.ts'
import { quoteLiteral } from '../../../plan/postgres/sql.ts'
import { APPLICATION_SCHEMAS, type Check } from './check.ts'

const BEYOND: Check = {
  finding: 'privilege_beyond_plan',
  level: 'blocks',
  message: (object, detail) => `everybody has ${detail} on ${object}, beyond the plan`,
  sql: `SELECT format('%I.%I', n.nspname, c.relname) AS object, string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) AS detail,
      format('REVOKE ALL ON %s %I.%I FROM PUBLIC', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname) AS fix
    FROM subject s, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) x
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${APPLICATION_SCHEMAS} AND x.grantee = 0
      AND has_schema_privilege(s.name, n.oid, 'USAGE')
      AND NOT EXISTS (SELECT FROM expected e WHERE (e.nsp, e.rel, e.col, e.priv) = (n.nspname, c.relname, '', x.privilege_type))
    GROUP BY n.nspname, c.relname, c.relkind
    UNION ALL SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname), string_agg(x.privilege_type, ', '),
      format('REVOKE ALL (%I) ON TABLE %I.%I FROM PUBLIC', a.attname, n.nspname, c.relname)
    FROM subject s, pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(a.attacl) x
    WHERE a.attacl IS NOT NULL AND ${APPLICATION_SCHEMAS} AND x.grantee = 0 AND has_schema_privilege(s.name, n.oid, 'USAGE')
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

const SCHEMA_CREATE: Check = {
  finding: 'schema_create',
  level: 'blocks',
  message: (object) => `everybody may create objects in schema ${object}`,
  sql: `SELECT quote_ident(n.nspname) AS object, '' AS detail, format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', n.nspname) AS fix
    FROM subject s, pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)' AND has_schema_privilege(s.name, n.oid, 'CREATE')`,
}

const DATABASE_CREATE: Check = {
  finding: 'database_create',
  level: 'blocks',
  message: (object) => `everybody may create schemas in database ${object}`,
  sql: `SELECT quote_ident(d.datname) AS object, '' AS detail, format('REVOKE CREATE ON DATABASE %I FROM PUBLIC', d.datname) AS fix
    FROM subject s, pg_database d WHERE d.datallowconn AND has_database_privilege(s.name, d.oid, 'CREATE')`,
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

/** Databases without rows of anybody: PostgreSQL's own and those of managed services. */
const MAINTENANCE = `(d.datistemplate OR d.datname IN ('postgres', 'rdsadmin', 'cloudsqladmin', 'alloydbadmin',
      'azure_maintenance', 'azure_sys'))`

const OTHER_DATABASE: Check = {
  finding: 'other_database',
  level: 'blocks',
  message: (object) => `a login can connect to database ${object}, which is not in the plan`,
  sql: `SELECT quote_ident(d.datname) AS object, '' AS detail, format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', d.datname) AS fix
    FROM subject s, pg_database d WHERE d.datallowconn AND d.datname <> current_database() AND NOT ${MAINTENANCE}
      AND has_database_privilege(s.name, d.oid, 'CONNECT')`,
}

const MAINTENANCE_DATABASE: Check = {
  finding: 'maintenance_database',
  level: 'warns',
  message: (object) => `a login can connect to database ${object}, which should hold nothing`,
  sql: `SELECT quote_ident(d.datname) AS object, '' AS detail, format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', d.datname) AS fix
    FROM subject s, pg_database d WHERE d.datallowconn AND d.datname <> current_database()
      AND ${MAINTENANCE} AND has_database_privilege(s.name, d.oid, 'CONNECT')`,
}

const EXTENSION: Check = {
  finding: 'dangerous_extension',
  level: 'blocks',
  message: (object, detail) => `everybody can run ${detail} functions of extension ${object}`,
  sql: `SELECT quote_ident(e.extname) AS object, count(*)::text AS detail,
      format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', string_agg(p.oid::regprocedure::text, ', ')) AS fix
    FROM subject s, pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
      AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e' JOIN pg_proc p ON p.oid = d.objid
    WHERE e.extname IN (${DANGEROUS_EXTENSIONS.map(quoteLiteral).join(', ')})
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

const LARGE_OBJECT: Check = {
  finding: 'large_object',
  level: 'blocks',
  message: (object, detail) => `${detail} large object ${object}`,
  sql: `SELECT m.oid::text AS object, 'everybody may use' AS detail, format('REVOKE ALL ON LARGE OBJECT %s FROM PUBLIC', m.oid) AS fix
    FROM pg_largeobject_metadata m, aclexplode(m.lomacl) x WHERE x.grantee = 0
    UNION ALL SELECT 'lo_compat_privileges', 'a server setting opens every', 'ALTER SYSTEM RESET lo_compat_privileges'
    WHERE current_setting('lo_compat_privileges') = 'on'`,
}

/** What everybody, and so every login, reaches beyond the plan. */
export const REACH_CHECKS: readonly Check[] = [
  BEYOND,
  CATALOG_SECRET,
  SCHEMA_CREATE,
  DATABASE_CREATE,
  DEFINER,
  OTHER_DATABASE,
  MAINTENANCE_DATABASE,
  EXTENSION,
  FOREIGN_SERVER,
  LARGE_OBJECT,
]
