import type { Check } from './check.ts'

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

/** What the group role was given itself, by name: a renamed table is one too few and one too many. */
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

const NOTE: Check = {
  finding: 'group_role',
  level: 'blocks',
  message: (object) => `the comment on ${object} is not the limits that the watchdog must hold`,
  sql: `SELECT s.name::text AS object, '' AS detail, format('COMMENT ON ROLE %I IS %L', s.name, s.note) AS fix
    FROM subject s WHERE s.oid <> 0 AND shobj_description(s.oid, 'pg_authid') IS DISTINCT FROM s.note`,
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

const PARAMETER: Check = {
  finding: 'group_role',
  level: 'blocks',
  message: (object, detail) => `everybody may ${detail} the server parameter ${object}`,
  sql: `SELECT parname AS object, x.privilege_type AS detail, format('REVOKE %s ON PARAMETER %s FROM PUBLIC', x.privilege_type, parname) AS fix
    FROM subject s, pg_parameter_acl a, aclexplode(a.paracl) x WHERE x.grantee = 0 OR (x.grantee = s.oid AND s.oid <> 0)`,
}

/** For a group role that the broker is to create: may it pass on every privilege of the plan? */
export const DELEGATION: Check = {
  finding: 'delegation_missing',
  level: 'blocks',
  message: (object, detail) => `the broker may not pass on ${detail} on ${object}`,
  sql: `SELECT concat_ws('.', quote_ident(nullif(e.nsp, '')), quote_ident(nullif(e.rel, ''))) AS object,
      e.priv || coalesce(' (' || string_agg(quote_ident(nullif(e.col, '')), ', ') || ')', '') AS detail,
      format('GRANT %s%s ON %s %s TO %I WITH GRANT OPTION', e.priv,
        coalesce(' (' || string_agg(quote_ident(nullif(e.col, '')), ', ') || ')', ''),
        CASE e.onto WHEN 'relation' THEN 'TABLE' ELSE upper(e.onto) END,
        concat_ws('.', quote_ident(nullif(e.nsp, '')), quote_ident(nullif(e.rel, ''))), current_user) AS fix
    FROM expected e LEFT JOIN pg_namespace n ON n.nspname = e.nsp LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = e.rel
    WHERE NOT coalesce(CASE e.onto
      WHEN 'database' THEN has_database_privilege('public', e.rel, 'CONNECT') OR has_database_privilege(e.rel, 'CONNECT WITH GRANT OPTION')
      WHEN 'schema' THEN has_schema_privilege('public', n.oid, 'USAGE') OR has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION')
      WHEN 'sequence' THEN c.relkind <> 'S' OR has_sequence_privilege(c.oid, 'USAGE WITH GRANT OPTION')
      ELSE c.relkind = 'S' OR CASE WHEN e.col = '' THEN has_table_privilege(c.oid, e.priv || ' WITH GRANT OPTION')
        ELSE coalesce(has_column_privilege(c.oid, (SELECT attnum FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attname = e.col AND NOT a.attisdropped), e.priv || ' WITH GRANT OPTION'), false) END
      END, true)
    GROUP BY e.onto, e.nsp, e.rel, e.priv`,
}

/** What the plan declares exists, and the group role holds exactly that. */
export const GROUP_CHECKS: readonly Check[] = [
  MISSING,
  KIND,
  ROW_SECURITY,
  GROUP_LACKS,
  GROUP_EXTRA,
  MEMBERSHIP,
  NOTE,
  OWNED,
  PARAMETER,
]
