import { describe, expect, test } from 'vitest'
import { mysqlAccess } from '../../src/scope/access-mysql.ts'

function problemsOf(access: unknown): string[] {
  const parsed = mysqlAccess.safeParse(access)
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message)
}

describe('access to MySQL', () => {
  test('is verbs on tables by database and name', () => {
    expect(
      problemsOf({ tables: { 'shop.orders': ['select', 'insert', 'update', 'delete'] } }),
    ).toEqual([])
  })

  test.each([
    ['no database', 'orders'],
    ['a whole database', 'shop.*'],
    ['a wildcard', 'sh%p.orders'],
    ['a quote', 'shop.`orders`'],
    ['a second statement', 'shop.orders; DROP TABLE x'],
    ['a place that Vault fills in', 'shop.{{name}}'],
    ['three parts', 'a.shop.orders'],
    ['a space', 'shop. orders'],
    ['a line break', 'shop.orders\n'],
    ['letters that look like others', 'shop.оrders'],
    ['nothing', ''],
    ['a name of 65 characters', `shop.${'a'.repeat(65)}`],
    ['the accounts', 'mysql.user'],
    ['the accounts in another case', 'MySQL.user'],
    ['the procedures that make logins', 'credctl.x'],
    ['the sessions', 'information_schema.processlist'],
  ])('refuses %s', (_what, name) => {
    expect(problemsOf({ tables: { [name]: ['select'] } })).toHaveLength(1)
  })

  test.each<[string, unknown, RegExp]>([
    ['no tables', { tables: {} }, /no tables/],
    ['no verbs', { tables: { 'a.b': [] } }, /no verbs/],
    ['DDL', { tables: { 'a.b': ['drop'] } }, /select/],
    ['a verb twice', { tables: { 'a.b': ['select', 'select'] } }, /twice/],
    ['blind changes', { tables: { 'a.b': ['update'] } }, /without select/],
    [
      'one table in two cases',
      { tables: { 'a.b': ['select'], 'A.b': ['select'] } },
      /already listed/,
    ],
    ['columns', { tables: { 'a.b': { select: ['id'] } } }, /./],
    [
      'a limit that nothing enforces',
      { tables: { 'a.b': ['select'] }, limits: { statement: 5 } },
      /./,
    ],
    ['no session at all', { tables: { 'a.b': ['select'] }, limits: { connections: 0 } }, /./],
  ])('refuses %s', (_what, access, words) => {
    expect(problemsOf(access).join()).toMatch(words)
  })
})
