import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mysqlScriptOutput } from '../../src/cli/output/mysql.ts'
import { runCredctl } from './session.ts'

let home = ''

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-mysql-'))
  await mkdir(join(home, 'task-scopes'))
  const scope = {
    name: 'fix-orders',
    owner: 'team-orders',
    description: 'A scope of a test, with tables.',
    allow: [{ caller: 'ci', issuer: 'github', claims: { repository_id: '1' } }],
    environments: ['staging'],
    ttl: '15m',
    access: { 'shop-db': { mysql: { tables: { 'shop.orders': ['select', 'update'] } } } },
  }
  await writeFile(join(home, 'task-scopes', 'fix-orders.yaml'), JSON.stringify(scope))
})
afterAll(() => rm(home, { recursive: true, force: true }))

async function credctl(argv: readonly string[], more: object = { vault_user: 'vault_shop' }) {
  const target = { host: 'mysql.example.com', connection: 'shop', ...more }
  const config = {
    origin: 'credctl.example.com/log',
    url: 'http://127.0.0.1:1',
    vault: { address: 'http://127.0.0.1:1', auth: { token: 'env:VAULT' } },
    issuers: {},
    environments: {
      staging: { class: 'nonprod', targets: { 'shop-db': { vault_mysql: target } } },
    },
  }
  await writeFile(join(home, 'credctl.yaml'), JSON.stringify(config))
  return await runCredctl(argv, { cwd: home, env: {} })
}

const SETUP = ['mysql', 'setup', 'shop-db', '--env', 'staging', '--server', 'mariadb']

test('credctl mysql setup prints what a DBA runs, and what every scope lets Vault pass on', async () => {
  const { status, stdout, stderr } = await credctl([...SETUP, '--output', 'json'])
  expect(status, stderr).toBe(0)
  const { statements } = mysqlScriptOutput.parse(JSON.parse(stdout))
  expect(statements[0]).toBe('CREATE DATABASE IF NOT EXISTS credctl')
  expect(statements.at(-1)).toBe(
    "GRANT SELECT, UPDATE ON `shop`.`orders` TO 'vault_shop'@'%' WITH GRANT OPTION",
  )
  const shown = await credctl(SETUP)
  expect(shown.stdout).toMatch(/^-- staging\.shop-db\n-- as a DBA[^\n]*\nDELIMITER \/\/\n/)
  for (const statement of statements) expect(shown.stdout).toContain(`${statement} //\n`)
})

test('a scope on MySQL has a plan with its blast radius', async () => {
  const argv = ['scope', 'plan', 'fix-orders', '--env', 'staging']
  const { status, stdout, stderr } = await credctl(argv)
  expect(status, stderr).toBe(0)
  expect(stdout).toContain("GRANT SELECT, UPDATE ON `shop`.`orders` TO '{{name}}'@'%';")
  expect(stdout).toMatch(/databases +1\n +tables +1 \(select 1, update 1\)/)
})

test.each([
  ['a target that does not name the account', SETUP, {}, 'Set vault_user'],
  ['a target that is not there', SETUP.with(2, 'shop'), undefined, 'no MySQL target'],
  ['an environment that is not there', SETUP.with(4, 'stagin'), undefined, 'staging'],
])('credctl mysql setup refuses %s', async (_what, argv, more, words) => {
  const { status, stderr } = await credctl(argv, more)
  expect(status).toBe(1)
  expect(stderr).toContain(words)
})
