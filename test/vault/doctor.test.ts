import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { doctorOutput } from '../../src/cli/output/doctor.ts'
import { runCredctl } from '../cli/session.ts'
import { call } from '../support/vault/setup.ts'
import { FakeVault } from '../support/vault/vault.ts'

const VALUE = 'hunter2-canary'
let fake: FakeVault
let home = ''

beforeAll(async () => {
  fake = await new FakeVault().start()
  home = await mkdtemp(join(tmpdir(), 'credctl-doctor-'))
  await call(fake, 'POST', 'secret/data/db', { data: { password: VALUE } })
})
afterAll(async () => {
  await fake.close()
  await rm(home, { recursive: true, force: true })
})

/** The results of `credctl doctor` about Vault and secrets, for a database whose secret is there. */
async function doctor(reference: string, token = fake.rootToken) {
  const place = { host: '127.0.0.1', port: 1, database: 'orders', tls: 'disable' }
  const database = { postgres: { ...place, admin: { user: 'broker', password: reference } } }
  const config = {
    origin: 'credctl.example.com/log',
    url: 'http://127.0.0.1:1',
    state: home,
    vault: { address: fake.url, auth: { token: 'env:VAULT' } },
    issuers: {},
    environments: { staging: { class: 'nonprod', targets: { 'orders-db': database } } },
  }
  const file = join(home, 'credctl.yaml')
  await writeFile(file, JSON.stringify(config))
  const argv = ['doctor', '--config', file, '--scopes', resolve('task-scopes'), '--output', 'json']
  const { stdout, stderr } = await runCredctl(argv, { cwd: home, env: { VAULT: token } })
  expect(stdout + stderr).not.toContain('canary')
  expect(stdout + stderr).not.toContain(fake.rootToken)
  const { results } = doctorOutput.parse(JSON.parse(stdout))
  const about = (check: string) => results.filter((result) => result.check === check)
  const secret = about('secrets').find(({ subject }) => subject.endsWith('admin.password'))
  return { vault: about('vault')[0], all: about('vault'), secret }
}

describe('credctl doctor', () => {
  test('resolves a reference into Vault and prints the reference alone', async () => {
    const { vault, secret } = await doctor('vault:secret/data/db#password')
    expect(vault).toMatchObject({ status: 'ok', subject: fake.url })
    expect(secret).toMatchObject({ status: 'ok', message: 'vault:secret/data/db#password' })
  })

  test('says which reference fails and why', async () => {
    const { secret } = await doctor('vault:secret/data/db#passwort')
    expect(secret).toMatchObject({ status: 'failed' })
    expect(secret?.message).toMatch(/vault:secret\/data\/db#passwort cannot be resolved: it has no/)
  })

  test('says that Vault does not know the broker', async () => {
    const { vault, secret } = await doctor('vault:secret/data/db#password', 's.unknown-token')
    expect([vault?.status, secret?.status]).toEqual(['failed', 'failed'])
    expect(vault?.message).toMatch(/403/)
  })

  test('warns of leases that Vault has given up ending', async () => {
    const life = { ttlMs: 60_000, maxMs: 60_000, renewable: true }
    const nothing = async () => undefined
    const stuck = async () => {
      throw new Error('role "cbg_x" cannot be dropped')
    }
    const lease = fake.leases.add('database/creds/cb-x', fake.tokens.root, {
      ...{ ...life, revoke: stuck, renew: nothing },
    })
    lease.irrevocable = true
    const { all } = await doctor('vault:secret/data/db#password')
    fake.leases.all.delete(lease.id)
    expect(all[1]).toMatchObject({
      status: 'warning',
      message: 'it has given up ending 1 lease',
    })
    expect(all[1]?.remedy).toMatch(/docs\/vault\.md/)
  })

  test('says that Vault is sealed', async () => {
    fake.sealed = true
    const { vault } = await doctor('vault:secret/data/db#password')
    fake.sealed = false
    expect(vault).toMatchObject({ status: 'failed', message: 'it is sealed' })
  }, 20_000)
})
