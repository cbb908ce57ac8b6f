import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planPostgres } from '../../../src/plan/postgres/plan.ts'
import { databaseRole } from '../../../src/plan/vault/database-role.ts'
import { postgresAccess } from '../../../src/scope/access-postgres.ts'

function planOf(access: unknown, database = 'orders') {
  const planned = planPostgres(postgresAccess.parse(access), { database })
  if (!planned.ok) throw new Error('no plan')
  return planned.plan
}

const PLAN = planOf({ tables: { 'public.orders': ['select'] } })

describe('the Vault role of a plan', () => {
  test('creates a login that is a member of the group role and nothing else', () => {
    expect(databaseRole(PLAN, 'orders', 900).role.creation_statements).toEqual([
      `CREATE ROLE "{{name}}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT CONNECTION LIMIT ${PLAN.limits.connections} PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`,
      `GRANT "${PLAN.groupRole}" TO "{{name}}" WITH INHERIT TRUE, SET FALSE`,
    ])
  })

  test('writes every field, because Vault keeps the old value of one that is left out', () => {
    const { role } = databaseRole(PLAN, 'orders', 900)
    expect(role).toMatchObject({ db_name: 'orders', default_ttl: 900, max_ttl: 900 })
    expect(role).toMatchObject({ renew_statements: [], rollback_statements: [] })
  })

  test.each([
    ['another connection', databaseRole(PLAN, 'other', 900)],
    ['another time', databaseRole(PLAN, 'orders', 901)],
    [
      'other tables',
      databaseRole(planOf({ tables: { 'public.users': ['select'] } }), 'orders', 900),
    ],
    [
      'other limits',
      databaseRole(
        planOf({ tables: { 'public.orders': ['select'] }, limits: { connections: 2 } }),
        'orders',
        900,
      ),
    ],
  ])('of %s has another name', (_what, other) => {
    expect(other.name).not.toBe(databaseRole(PLAN, 'orders', 900).name)
    expect(other.name).toMatch(/^cb-[0-9a-f]{32}$/)
  })

  test('holds no text of a scope, so that nothing in a name reaches the SQL of Vault', () => {
    const name = fc.stringMatching(/^[a-z_;{}'" -]{1,20}$/)
    fc.assert(
      fc.property(name, name, (schema, table) => {
        const quoted = [schema, table].map((part) => `"${part.replaceAll('"', '""')}"`).join('.')
        const access = postgresAccess.safeParse({ tables: { [quoted]: ['select'] } })
        fc.pre(access.success)
        const planned = planPostgres(access.data ?? fc.pre(false), { database: 'orders' })
        fc.pre(planned.ok)
        const { role } = databaseRole(planned.plan, 'orders', 900)
        const [create = '', join = ''] = role.creation_statements
        expect(create).toBe(databaseRole(PLAN, 'orders', 900).role.creation_statements[0])
        expect(join).toMatch(
          /^GRANT "cbs_[0-9a-f]{32}" TO "\{\{name\}\}" WITH INHERIT TRUE, SET FALSE$/,
        )
      }),
    )
  })

  test('has one statement per element, but for the block that Vault sends whole', () => {
    const { creation_statements, revocation_statements } = databaseRole(PLAN, 'orders', 900).role
    for (const statement of creation_statements) expect(statement).not.toMatch(/;|\bEND\b/)
    expect(revocation_statements).toHaveLength(1)
    expect(revocation_statements[0]).toMatch(/^DO \$\$.*\bEND \$\$$/s)
  })
})
