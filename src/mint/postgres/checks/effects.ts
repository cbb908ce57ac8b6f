import type { Check } from './check.ts'

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

const INHERITANCE: Check = {
  finding: 'inheritance_child',
  level: 'blocks',
  message: (object, detail) => `${object} inherits from ${detail}: statements on that reach it too`,
  sql: `SELECT i.inhrelid::regclass::text AS object, i.inhparent::regclass::text AS detail,
      format('ALTER TABLE %s NO INHERIT %s', i.inhrelid::regclass, i.inhparent::regclass) AS fix
    FROM reached r JOIN pg_inherits i ON i.inhparent = r.oid JOIN pg_class c ON c.oid = i.inhrelid
    WHERE NOT c.relispartition AND NOT EXISTS (SELECT FROM scoped s WHERE s.oid = c.oid)`,
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

/** What allowed statements set off in tables that the plan does not name. */
export const EFFECT_CHECKS: readonly Check[] = [
  DEFINER_TRIGGER,
  RULE,
  FOREIGN_KEY,
  INHERITANCE,
  SEQUENCE,
]
