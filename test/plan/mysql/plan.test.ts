import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type MysqlPlan, planMysql } from '../../../src/plan/mysql/plan.ts'
import { mysqlDelegationSql, mysqlSetupSql } from '../../../src/plan/mysql/setup.ts'
import { quoteAccount, quoteName } from '../../../src/plan/mysql/sql.ts'
import { mysqlRole } from '../../../src/plan/vault/mysql-role.ts'
import { mysqlAccess } from '../../../src/scope/access-mysql.ts'

function plan(access: unknown): MysqlPlan {
  const compiled = planMysql(mysqlAccess.parse(access))
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  return compiled.plan
}

const ACCESS = { tables: { 'shop.orders': ['update', 'select'], 'App-1.a$b': ['select'] } }
const OPTIONS = { connection: 'shop', ttlSeconds: 900, tls: 'verify-full' } as const

describe('a MySQL plan', () => {
  it('is exactly these statements', () => {
    expect(plan(ACCESS)).toMatchObject({
      kind: 'mysql',
      limits: { connections: 5 },
      statements: [
        "GRANT SELECT ON `App-1`.`a$b` TO '{{name}}'@'%'",
        "GRANT SELECT, UPDATE ON `shop`.`orders` TO '{{name}}'@'%'",
      ],
    })
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

  it('holds nothing that Vault would cut or fill in, whatever a scope may write', () => {
    const names = fc.stringMatching(/^[A-Za-z0-9_$-]{1,64}\.[A-Za-z0-9_$-]{1,64}$/)
    fc.assert(
      fc.property(names, (name) => {
        const parsed = mysqlAccess.safeParse({ tables: { [name]: ['select'] } })
        if (!parsed.success) return
        const compiled = plan({ tables: { [name]: ['select'] } })
        for (const statement of compiled.statements) {
          expect(statement.replace("'{{name}}'@'%'", 'LOGIN')).toMatch(
            /^GRANT SELECT ON `[^`;{}'"\\]+`\.`[^`;{}'"\\]+` TO LOGIN$/,
          )
        }
      }),
    )
  })
})

describe('the Vault role of a MySQL plan', () => {
  it('makes a locked login, gives it the privileges, and then opens it', () => {
    const { name, role } = mysqlRole(plan(ACCESS), OPTIONS)
    expect(name).toMatch(/^cb-[0-9a-f]{32}$/)
    expect(role).toMatchObject({
      creation_statements: [
        "CALL credctl.create_login('{{name}}', '{{password}}', 5, 'SSL')",
        ...plan(ACCESS).statements,
        "CALL credctl.open_login('{{name}}')",
      ],
      revocation_statements: ["CALL credctl.end_login('{{name}}')"],
      default_ttl: 900,
      max_ttl: 900,
    })
  })

  it.each([
    ['another table', { tables: { 'shop.other': ['select'] } }, {}],
    ['another number of sessions', { ...ACCESS, limits: { connections: 2 } }, {}],
    ['another time', ACCESS, { ttlSeconds: 600 }],
    ['another connection', ACCESS, { connection: 'other' }],
    ['logins without TLS', ACCESS, { tls: 'disable' as const }],
  ])('has another name for %s', (_what, access, options) => {
    const { name } = mysqlRole(plan(access), { ...OPTIONS, ...options })
    expect(name).not.toBe(mysqlRole(plan(ACCESS), OPTIONS).name)
  })
})

describe('the set-up of a server', () => {
  it('gives the account of Vault three procedures, and no way to make accounts by itself', () => {
    const toVault = mysqlSetupSql('vault_shop', 'mariadb').filter((sql) =>
      sql.endsWith("'vault_shop'@'%'"),
    )
    expect(toVault).toEqual([
      "GRANT EXECUTE ON PROCEDURE credctl.create_login TO 'vault_shop'@'%'",
      "GRANT EXECUTE ON PROCEDURE credctl.open_login TO 'vault_shop'@'%'",
      "GRANT EXECUTE ON PROCEDURE credctl.end_login TO 'vault_shop'@'%'",
    ])
  })

  it.each([
    ['mariadb', 'CONNECTION ADMIN'],
    ['mysql', 'CONNECTION_ADMIN'],
  ] as const)('of %s names %s', (server, privilege) => {
    expect(mysqlSetupSql('vault_shop', server).join('\n')).toContain(`PROCESS, ${privilege} ON`)
  })

  it('delegates exactly the privileges of the plan', () => {
    expect(mysqlDelegationSql('vault_shop', plan(ACCESS))).toEqual([
      "GRANT SELECT ON `App-1`.`a$b` TO 'vault_shop'@'%' WITH GRANT OPTION",
      "GRANT SELECT, UPDATE ON `shop`.`orders` TO 'vault_shop'@'%' WITH GRANT OPTION",
    ])
  })

  it.each(['', 'a`b', "a'b", 'a;b', 'ä', 'a'.repeat(65)])(
    'cannot be tricked by the name %j',
    (name) => {
      expect(() => quoteName(name)).toThrow(TypeError)
      expect(() => quoteAccount(name)).toThrow(TypeError)
    },
  )
})
