import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { PostgresCredential } from '../../../src/mint/mint.ts'
import { GUARANTEES } from '../../../src/mint/postgres/guarantees.ts'
import { hardenSql, unhardenSql } from '../../../src/plan/postgres/harden.ts'
import { type TestPostgres, testPostgres } from '../../support/postgres.ts'
import { createWorld, type World } from './database.ts'

/** One thing that a login of ours tries, and how it must end before and after hardening. */
interface Attempt {
  readonly name: string
  readonly sql: string | readonly string[]
  /** `refused SQLSTATE`, `contained` (it changes nothing outside), or `stated GUARANTEE`. */
  readonly before: string
  readonly after: string
  /** Asked by a superuser after a contained attempt: column `ok` must be true. */
  readonly check?: string
  readonly database?: string
  readonly options?: string
  readonly replication?: string
  readonly connections?: number
}

const directory = new URL('./escapes/', import.meta.url)
const files = readdirSync(directory).filter((name) => name.endsWith('.yaml'))
const attempts = files.map((name): [string, readonly Attempt[]] => [
  name,
  parse(readFileSync(new URL(name, directory), 'utf8')) as readonly Attempt[],
])

/** A database as one finds them: every trap that an operator may have accepted is in it. */
const TABLES = `
CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text, total numeric, note text, parent int REFERENCES parents);
CREATE TABLE items (order_id int REFERENCES orders ON DELETE CASCADE);
CREATE TABLE customers (id serial PRIMARY KEY, name text, card text);
CREATE TABLE currency_rates (currency text PRIMARY KEY, rate numeric);
CREATE TABLE people (id int, name text, email text);
CREATE TABLE guarded (owner text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded USING (owner = session_user) WITH CHECK (owner = session_user);
CREATE TABLE audited (id int, note text);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN INSERT INTO parents SELECT max(id) + 1 FROM parents; RETURN NEW; END';
CREATE TRIGGER audit BEFORE UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TABLE ruled (id int);
CREATE RULE copy AS ON INSERT TO ruled DO ALSO INSERT INTO parents SELECT max(id) + 1 FROM parents;
CREATE TABLE lookup (id int);
GRANT SELECT ON lookup TO PUBLIC;
CREATE VIEW order_totals AS SELECT id, total FROM orders;
CREATE MATERIALIZED VIEW order_summary AS SELECT count(*) FROM orders;
CREATE FUNCTION owner_total() RETURNS numeric LANGUAGE sql SECURITY DEFINER AS 'SELECT sum(total) FROM orders';
INSERT INTO parents VALUES (1);
INSERT INTO orders (customer, total) SELECT 'c' || i, i FROM generate_series(1, 20) i;
INSERT INTO items SELECT id FROM orders;
INSERT INTO customers (name, card) VALUES ('A', '4111');
INSERT INTO people VALUES (1, 'A', 'a@example.com');
INSERT INTO guarded VALUES ('somebody else');
INSERT INTO audited VALUES (1, NULL);
ANALYZE customers;
`

export const ACCESS = {
  tables: {
    'public.orders': ['select', 'insert', 'update', 'delete'],
    'public.currency_rates': ['select'],
    'public.people': { select: ['id', 'name'], update: ['name'] },
    'public.guarded': { select: 'all', insert: 'all', row_security: 'required' },
    'public.audited': ['select', 'update'],
    'public.ruled': ['select', 'insert'],
  },
}

export const ACCEPTED = [
  'dangerous_extension',
  'definer_function',
  'definer_trigger',
  'foreign_key_action',
  'other_database',
  'privilege_beyond_plan',
  'rewrite_rule',
].map((finding) => ({ finding, reason: 'kept open for the escape suite' }))

/** Where the logins come from that try to escape. */
export interface LoginSource {
  login(): Promise<{
    readonly credential: PostgresCredential
    readonly revoke: () => Promise<{ readonly outcome: string }>
  }>
  /** What its operator does after hardening. */
  afterHardening?(): Promise<void>
  close(): Promise<void>
}

/** Every attempt of `escapes/`, by logins of one source, on a database of this test file. */
export function escapeSuite(
  open: (world: World, postgres: TestPostgres) => Promise<LoginSource>,
): void {
  // Replication is on, so that an attempt at it is refused for want of the right and nothing else.
  const postgres = testPostgres({
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    wal_level: 'replica',
    max_wal_senders: '2',
  })
  let world: World
  let source: LoginSource
  let names: Record<string, string>

  beforeAll(async () => {
    world = await createWorld(postgres, { tables: TABLES })
    const other = await postgres.database('other')
    await world.delegate(ACCESS)
    const extensions = `CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw;
      CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw; SELECT lo_from_bytea(4242, 'secret')`
    await world.root.query(extensions)
    source = await open(world, postgres)
    const victim = await postgres.client({ database: world.database })
    const { rows } = await victim.query('SELECT pg_backend_pid() AS pid')
    names = {
      GROUP: world.plan(ACCESS).groupRole,
      OWNER: `owner_${world.database}`,
      ADMIN: world.admin.user,
      HERE: world.database,
      OTHER: other,
      PID: String(rows[0].pid),
    }
  })
  afterAll(async () => {
    await source.close()
  })

  /** `$GROUP`, `$OWNER` and so on stand for names of the world the attempt runs in. */
  function filled(text: string, self: string): string {
    const all: Record<string, string> = { ...names, SELF: self }
    return text.replaceAll(/\$([A-Z]+)\b/g, (whole, name: string) => all[name] ?? whole)
  }

  async function outcomeOf(attempt: Attempt): Promise<string> {
    const { credential, revoke } = await source.login()
    try {
      return await tryAs(attempt, credential)
    } finally {
      // Whatever it did, its end is complete: nothing an agent does blocks its own revocation.
      expect(await revoke()).toEqual({ outcome: 'gone' })
    }
  }

  async function tryAs(
    attempt: Attempt,
    credential: Parameters<World['login']>[0],
  ): Promise<string> {
    const { user } = credential
    const options = {
      database: filled(attempt.database ?? '$HERE', user),
      ...(attempt.options === undefined ? {} : { options: filled(attempt.options, user) }),
      ...(attempt.replication === undefined ? {} : { replication: attempt.replication }),
    }
    try {
      const clients: pg.Client[] = []
      for (let opened = 0; opened < (attempt.connections ?? 1); opened += 1) {
        clients.push(await world.login(credential, options))
      }
      for (const sql of [attempt.sql].flat()) await clients[0]?.query(filled(sql, user))
      return 'succeeded'
    } catch (error) {
      if (error instanceof pg.DatabaseError) return `refused ${error.code}`
      throw error
    }
  }

  function stage(when: 'before' | 'after'): void {
    for (const [file, list] of attempts) {
      it.for(list)(`${file}: $name`, async (attempt) => {
        const expected = attempt[when]
        const observed = await outcomeOf(attempt)
        if (expected.startsWith('refused ')) {
          expect(observed).toBe(expected)
          return
        }
        expect(observed).toBe('succeeded')
        const [kind, guarantee = ''] = expected.split(' ')
        if (kind === 'stated') expect(Object.keys(GUARANTEES)).toContain(guarantee)
        else expect(kind).toBe('contained')
        if (attempt.check !== undefined) {
          const { rows } = await world.root.query(filled(attempt.check, ''))
          expect(rows[0].ok).toBe(true)
        }
      })
    }
  }

  it('has at least 120 attempts, each with its own name', () => {
    const all = attempts.flatMap(([, list]) => list.map(({ name }) => name))
    expect(all.length).toBeGreaterThanOrEqual(120)
    expect(new Set(all).size).toBe(all.length)
  })

  describe('before hardening', () => stage('before'))

  describe('after hardening', () => {
    beforeAll(async () => {
      const statements = hardenSql(world.admin.user)
      for (let run = 0; run < 2; run += 1) {
        await world.root.query(['BEGIN', ...statements, 'COMMIT'].join(';\n'))
      }
      await source.afterHardening?.()
    })
    stage('after')

    it('leaves nothing behind: no login, no object, no row of an undeclared table changed', async () => {
      const { rows } = await world.root.query(`SELECT
        (SELECT count(*)::int FROM pg_roles WHERE rolname LIKE 'cbg\\_%') AS logins,
        (SELECT count(*)::int FROM pg_largeobject_metadata WHERE oid <> 4242) AS blobs,
        (SELECT count(*)::int FROM pg_default_acl) AS defaults,
        (SELECT count(*)::int FROM customers WHERE card = '4111') AS customers`)
      expect(rows[0]).toEqual({ logins: 0, blobs: 0, defaults: 0, customers: 1 })
    })

    it('is undone completely by its own undoing', async () => {
      await world.root.query(['BEGIN', ...unhardenSql(), 'COMMIT'].join(';\n'))
      const { rows } = await world.root.query(`SELECT
        has_function_privilege('public', 'lo_create(oid)', 'EXECUTE') AS function,
        has_language_privilege('public', 'plpgsql', 'USAGE') AS language,
        has_table_privilege('public', 'lookup', 'SELECT') AS "table",
        has_database_privilege('public', current_database(), 'TEMP') AS temp,
        (SELECT count(*)::int FROM pg_event_trigger) AS guards,
        (SELECT count(*)::int FROM pg_roles WHERE rolname = 'credctl_former_public') AS roles`)
      const all = { function: true, language: true, table: true, temp: true }
      expect(rows[0]).toEqual({ ...all, guards: 0, roles: 0 })
    })
  })
}
