import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PostgresPlan, planPostgres } from '../../../src/plan/postgres/plan.ts'
import { applySql, brokerSetupSql, delegationSql } from '../../../src/plan/postgres/setup.ts'
import { quoteIdentifier, quoteLiteral, quoteRole } from '../../../src/plan/postgres/sql.ts'
import { postgresAccess, VERBS } from '../../../src/scope/access-postgres.ts'

function plan(access: unknown, database = 'shop'): PostgresPlan {
  const compiled = planPostgres(postgresAccess.parse(access), { database })
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  return compiled.plan
}

const ACCESS = {
  tables: {
    'public.orders': ['update', 'select'],
    'app.customers': { select: ['name', 'id'], row_security: 'required' },
  },
  views: { 'public.totals': ['select'] },
  sequences: ['public.orders_id_seq'],
}

describe('a PostgreSQL plan', () => {
  it('is exactly these statements', () => {
    const { groupRole, statements } = plan(ACCESS)
    const group = `"${groupRole}"`
    expect(statements).toEqual([
      `CREATE ROLE ${group} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT`,
      `COMMENT ON ROLE ${group} IS '{"statement":60,"transaction":300,"idle_in_transaction":30,"lock_wait":10}'`,
      `GRANT CONNECT ON DATABASE "shop" TO ${group}`,
      `GRANT USAGE ON SCHEMA "app" TO ${group}`,
      `GRANT USAGE ON SCHEMA "public" TO ${group}`,
      `GRANT SELECT ("id", "name") ON TABLE "app"."customers" TO ${group}`,
      `GRANT SELECT, UPDATE ON TABLE "public"."orders" TO ${group}`,
      `GRANT SELECT ON TABLE "public"."totals" TO ${group}`,
      `GRANT USAGE ON SEQUENCE "public"."orders_id_seq" TO ${group}`,
    ])
  })

  it('is the same whatever the order in the file', () => {
    const tables = Object.entries({
      'a.b': ['select', 'insert'],
      'a.a': ['select'],
      'b.a': ['select'],
    })
    fc.assert(
      fc.property(fc.shuffledSubarray(tables, { minLength: 3 }), (shuffled) => {
        const turned = shuffled.map(([name, verbs]) => [name, [...verbs].reverse()])
        expect(plan({ tables: Object.fromEntries(turned) })).toEqual(
          plan({ tables: Object.fromEntries(tables) }),
        )
      }),
    )
  })

  it.for([
    ['another verb', { tables: { 'public.t': ['select', 'insert'] } }],
    ['another table', { tables: { 'public.u': ['select'] } }],
    ['columns', { tables: { 'public.t': { select: ['id'] } } }],
    ['a view instead of a table', { views: { 'public.t': ['select'] } }],
    ['a sequence', { tables: { 'public.t': ['select'] }, sequences: ['public.s'] }],
    [
      'required row security',
      { tables: { 'public.t': { select: 'all', row_security: 'required' } } },
    ],
    ['other limits', { tables: { 'public.t': ['select'] }, limits: { statement: '1s' } }],
  ])('has a group role of its own with %s', ([, access]) => {
    expect(plan(access).groupRole).not.toBe(plan({ tables: { 'public.t': ['select'] } }).groupRole)
  })

  it('has a group role of its own in each database, because roles belong to the whole server', () => {
    expect(plan(ACCESS, 'a').groupRole).not.toBe(plan(ACCESS, 'b').groupRole)
  })

  it('never holds more than the four verbs, CONNECT and USAGE', () => {
    const verbs = fc
      .subarray([...VERBS], { minLength: 1 })
      .map((list) => [...new Set(['select', ...list])])
    fc.assert(
      fc.property(verbs, (list) => {
        for (const statement of plan({ tables: { 'public.t': list } }).statements.slice(2)) {
          expect(statement).toMatch(
            /^GRANT (CONNECT|USAGE|(SELECT|INSERT|UPDATE|DELETE)(, (INSERT|UPDATE|DELETE))*) ON /,
          )
          expect(statement).not.toContain('GRANT OPTION')
        }
      }),
    )
  })
})

describe('quoting', () => {
  it('refuses what PostgreSQL would cut, drop or take for somebody else', () => {
    for (const name of ['', 'a\0b', 'é'.repeat(32)])
      expect(() => quoteIdentifier(name)).toThrow(TypeError)
    for (const role of ['cbg_', 'cbg_A', 'postgres', 'cbs_abcdefgh"', `cbg_${'a'.repeat(60)}`]) {
      expect(() => quoteRole(role)).toThrow(TypeError)
    }
    expect(() => quoteLiteral('a\0b')).toThrow(TypeError)
  })

  it('keeps quotes and backslashes inside', () => {
    expect(quoteIdentifier('a"; DROP')).toBe('"a""; DROP"')
    expect(quoteLiteral("it's")).toBe("'it''s'")
    expect(quoteLiteral("\\' OR 1")).toBe("E'\\\\'' OR 1'")
  })
})

describe('setup statements', () => {
  it('give the broker CREATEROLE and nothing more', () => {
    const text = brokerSetupSql({ admin: 'broker', databases: ['shop'] }).join('\n')
    expect(text).not.toMatch(/\b(SUPERUSER|BYPASSRLS|REPLICATION|CREATEDB)\b/)
    expect(text).not.toContain('PASSWORD')
    expect(text).toContain('GRANT "broker_grants" TO "broker" WITH INHERIT FALSE, SET TRUE')
  })

  it('let the broker pass on what the plan names, and a DBA keep it from even that', () => {
    const one = plan({ tables: { 'public.t': ['select'] } })
    expect(delegationSql('broker', one)).toEqual([
      'GRANT USAGE ON SCHEMA "public" TO "broker_grants" WITH GRANT OPTION',
      'GRANT SELECT ON TABLE "public"."t" TO "broker_grants" WITH GRANT OPTION',
    ])
    expect(applySql('broker', one).at(-1)).toBe(
      `GRANT "${one.groupRole}" TO "broker_grants" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
    )
  })
})
