import type { Finding, FindingName } from '../finding.ts'

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

/** For queries with `pg_namespace n`: schemas where PostgreSQL does not itself grant to everybody. */
export const APPLICATION_SCHEMAS = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'`

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
