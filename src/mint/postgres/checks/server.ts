import { POWERFUL_FUNCTIONS } from '../../../plan/postgres/harden.ts'
import type { Check } from './check.ts'

const PREPARED: Check = {
  finding: 'prepared_transactions',
  level: 'blocks',
  message: (_object, detail) =>
    `prepared transactions are on (${detail}): one can hold locks after its login is gone`,
  sql: `SELECT 'max_prepared_transactions' AS object, current_setting('max_prepared_transactions') AS detail,
      'ALTER SYSTEM SET max_prepared_transactions = 0' AS fix WHERE current_setting('max_prepared_transactions') <> '0'`,
}

const BROKER: Check = {
  finding: 'broker_overprivileged',
  level: 'blocks',
  message: (object, detail) => `the broker's role ${object} ${detail}`,
  sql: `, broker AS (SELECT oid, rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname IN (session_user, current_user))
    SELECT quote_ident(rolname) AS object, 'is a superuser' AS detail, format('ALTER ROLE %I NOSUPERUSER', rolname) AS fix, 'blocks' AS level
      FROM broker WHERE rolsuper
    UNION ALL SELECT quote_ident(rolname), 'may bypass row-level security', format('ALTER ROLE %I NOBYPASSRLS', rolname), 'blocks'
      FROM broker WHERE rolbypassrls AND NOT rolsuper
    UNION ALL SELECT DISTINCT quote_ident(rolname), 'is a member of ' || relowner::regrole || ', who owns declared tables',
        format('REVOKE %s FROM %I', relowner::regrole, rolname), 'blocks'
      FROM broker, scoped WHERE NOT rolsuper AND pg_has_role(broker.oid, relowner, 'MEMBER')
    UNION ALL SELECT quote_ident(b.rolname), 'can be acted as by ' || m.member::regrole, format('REVOKE %I FROM %s', b.rolname, m.member::regrole), 'blocks'
      FROM broker b JOIN pg_auth_members m ON m.roleid = b.oid WHERE (m.inherit_option OR m.set_option) AND m.member NOT IN (SELECT oid FROM broker)
    UNION ALL SELECT quote_ident(session_user), 'lacks pg_read_all_stats: the watchdog sees no times',
        format('GRANT pg_read_all_stats TO %I', session_user), 'warns' WHERE NOT pg_has_role(session_user, 'pg_read_all_stats', 'USAGE')`,
}

const TEMPORARY: Check = {
  finding: 'temporary_objects',
  level: 'warns',
  message: (object) => `everybody may create temporary tables and functions in ${object}`,
  sql: `SELECT quote_ident(d.datname) AS object, '' AS detail, format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', d.datname) AS fix
    FROM subject s, pg_database d WHERE d.datname = current_database() AND has_database_privilege(s.name, d.oid, 'TEMP')`,
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

const POWERFUL: Check = {
  finding: 'powerful_functions',
  level: 'warns',
  message: (object, detail) => `everybody can run ${detail} functions for ${object}`,
  sql: `SELECT family AS object, count(*)::text AS detail,
      format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', string_agg(f.oid::regprocedure::text, ', ')) AS fix
    FROM (SELECT p.oid, ${POWERFUL_FUNCTIONS} AS family FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace) f, subject s
    WHERE family IS NOT NULL AND has_function_privilege(s.name, f.oid, 'EXECUTE') GROUP BY family`,
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

const STATISTICS: Check = {
  finding: 'statistics_off',
  level: 'warns',
  message: () => 'track_counts is off: a catalogue that changes is noticed only after minutes',
  sql: `SELECT 'track_counts' AS object, '' AS detail, 'ALTER SYSTEM SET track_counts = on' AS fix
    WHERE current_setting('track_counts') <> 'on'`,
}

/** How the server and the broker are set up, and what hardening would close. */
export const SERVER_CHECKS: readonly Check[] = [
  PREPARED,
  BROKER,
  TEMPORARY,
  LANGUAGE,
  POWERFUL,
  DEFAULTS,
  STATISTICS,
]
