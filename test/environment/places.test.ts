import { describe, expect, test } from 'vitest'
import { environmentProblems } from '../../src/environment/checks.ts'
import {
  type Environment,
  environmentSchema,
  toEnvironment,
} from '../../src/environment/environment.ts'
import { isLoopback } from '../../src/environment/loopback.ts'
import { canonicalHost } from '../../src/environment/postgres-connection.ts'

function environment(name: string, kind: 'prod' | 'nonprod', targets: object): Environment {
  return toEnvironment(name, environmentSchema.parse({ class: kind, targets }))
}

const admin = { user: 'broker', password: 'env:PASSWORD' }
const database = (host: string, port = 5432, name = 'orders') => ({
  postgres: { host, port, database: name, admin },
})
const account = (id: string, path = 'task') => ({
  aws: { account: id, region: 'eu-central-1', role: `arn:aws:iam::${id}:role/${path}` },
})

describe('one place in two classes', () => {
  test.each([
    ['db.example.com', 'db.example.com'],
    ['db.example.com', 'DB.Example.COM'],
    ['db.example.com', 'db.example.com.'],
    ['10.0.0.7', '10.0.0.7'],
    ['localhost', '127.0.0.1'],
    ['localhost', '127.8.9.10'],
    ['localhost', '::1'],
    ['127.0.0.1', '::ffff:127.0.0.1'],
    ['10.0.0.7', '::ffff:10.0.0.7'],
    ['10.0.0.7', '::ffff:a00:7'],
    ['2001:db8::7', '2001:0db8:0:0:0:0:0:7'],
    ['2001:db8::a', '2001:DB8::A'],
  ])('is found when it is called %s and %s', (one, other) => {
    const problems = environmentProblems([
      environment('prod', 'prod', { orders: database(one) }),
      environment('dev', 'nonprod', { db: database(other) }),
    ])
    expect(problems).toHaveLength(1)
    expect(problems[0]?.path).toEqual(['dev', 'targets', 'db', 'postgres', 'database'])
    expect(problems[0]?.message).toMatch(/is prod in environment prod and nonprod here/)
  })

  test('is found in either order, and for every target that has it', () => {
    const dev = environment('dev', 'nonprod', { a: account('111122223333') })
    const prod = environment('prod', 'prod', {
      a: account('111122223333', 'other/role'),
      b: account('111122223333', 'third'),
    })
    expect(environmentProblems([dev, prod])).toHaveLength(2)
    expect(environmentProblems([prod, dev])).toHaveLength(1)
  })

  test.each([
    ['another host', 'db.example.com', 'db2.example.com', 5432, 'orders'],
    ['another port', 'db.example.com', 'db.example.com', 5433, 'orders'],
    ['another database', 'db.example.com', 'db.example.com', 5432, 'Orders'],
  ])('is not seen in %s', (_what, one, other, port, name) => {
    const problems = environmentProblems([
      environment('prod', 'prod', { orders: database(one) }),
      environment('dev', 'nonprod', { orders: database(other, port, name) }),
    ])
    expect(problems).toEqual([])
  })

  test('is no problem within one class', () => {
    const problems = environmentProblems([
      environment('dev', 'nonprod', { a: account('111122223333'), db: database('localhost') }),
      environment('staging', 'nonprod', { a: account('111122223333'), db: database('::1') }),
    ])
    expect(problems).toEqual([])
  })
})

describe('one connection of Vault in two classes', () => {
  const login = (host: string, connection: string, mount = 'database') => ({
    vault_postgres: { host, database: 'orders', connection, mount },
  })

  test('is found whatever host each environment tells its callers', () => {
    const problems = environmentProblems([
      environment('prod', 'prod', { orders: login('db.example.com', 'orders') }),
      environment('dev', 'nonprod', { orders: login('db.dev.example.com', 'orders') }),
    ])
    expect(problems.map(({ path }) => path.at(-1))).toEqual(['connection'])
  })

  test('is not seen in another connection or mount', () => {
    const problems = environmentProblems([
      environment('prod', 'prod', { orders: login('db.example.com', 'orders') }),
      environment('dev', 'nonprod', {
        a: login('db.dev.example.com', 'orders-dev'),
        b: login('db.dev.example.com', 'orders', 'database-dev'),
      }),
    ])
    expect(problems).toEqual([])
  })

  test('is found beside the broker’s own way to one database', () => {
    const problems = environmentProblems([
      environment('prod', 'prod', { orders: database('db.example.com') }),
      environment('dev', 'nonprod', { orders: login('DB.example.com.', 'orders') }),
    ])
    expect(problems.map(({ path }) => path)).toEqual([
      ['dev', 'targets', 'orders', 'vault_postgres', 'database'],
    ])
  })
})

describe('one MySQL server in two classes', () => {
  const server = (host: string, connection: string) => ({ vault_mysql: { host, connection } })

  test('is found however its host is written, and whatever Vault calls it', () => {
    const problems = environmentProblems([
      environment('prod', 'prod', { shop: server('mysql.example.com', 'shop') }),
      environment('dev', 'nonprod', { shop: server('MySQL.example.com.', 'shop-dev') }),
    ])
    expect(problems.map(({ path }) => path)).toEqual([
      ['dev', 'targets', 'shop', 'vault_mysql', 'host'],
    ])
  })

  test('is found by the connection, whatever host each environment tells its callers', () => {
    const problems = environmentProblems([
      environment('prod', 'prod', { shop: server('mysql.example.com', 'shop') }),
      environment('dev', 'nonprod', { shop: server('mysql.dev.example.com', 'shop') }),
    ])
    expect(problems.map(({ path }) => path.at(-1))).toEqual(['connection'])
  })
})

describe('loopback', () => {
  test.each(['localhost', '127.0.0.1', '127.255.255.254', '::1', '[::1]'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true)
  })

  test.each([
    '127.0.0.999',
    '127.0.0.1.example.com',
    '127.1',
    'localhost.example.com',
    'localhost.',
    'LOCALHOST\n',
    '0.0.0.0',
    '::',
    '::2',
    '10.0.0.1',
    '',
    '/var/run/postgresql',
  ])('is not %j', (host) => {
    expect(isLoopback(host)).toBe(false)
  })
})

test('a host has one canonical form, which is its own canonical form', () => {
  for (const host of [
    'DB.Example.com.',
    '::ffff:10.0.0.7',
    '2001:0DB8::0007',
    'my_db',
    '10.0.0.7',
  ]) {
    expect(canonicalHost(canonicalHost(host))).toBe(canonicalHost(host))
  }
  expect(canonicalHost('::ffff:10.0.0.7')).toBe('10.0.0.7')
})

describe('a host', () => {
  const accepts = (host: string) =>
    environmentSchema.safeParse({ class: 'nonprod', targets: { db: database(host) } }).success

  test.each([
    'db.example.com',
    'db',
    'my_db',
    'DB.example.com',
    'db.',
    '10.0.0.7',
    '::1',
    'xn--bcher-kva.example',
  ])('may be %s', (host) => {
    expect(accepts(host)).toBe(true)
  })

  test.each([
    '',
    ' db',
    'db example',
    'db.example.com:5432',
    '[::1]',
    '/var/run/postgresql',
    'user@db',
    'db,other',
    'db?sslmode=disable',
    'postgres://db',
    'bücher.example',
    'db\n',
    'fe80::1%eth0',
    '127.1',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '-db',
    'a..b',
  ])('may not be %j', (host) => {
    expect(accepts(host)).toBe(false)
  })
})
