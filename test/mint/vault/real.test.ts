import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { secretResolver } from '../../../src/secret/resolve.ts'
import { PATHS } from '../../../src/vault/path.ts'
import { vaultServer } from '../../../src/vault/server.ts'
import { Vault } from '../../../src/vault/vault.ts'
import { findBao, startBao } from '../../support/vault/bao.ts'
import { call, type TestVault } from '../../support/vault/setup.ts'
import { vaultBehaviour } from './behaviour.ts'

const wanted = process.env['CREDCTL_TEST_VAULT'] === '1'
const bao = wanted ? findBao() : undefined
if (wanted && bao === undefined) throw new Error('no bao on PATH and none in CREDCTL_TEST_BAO')

describe.runIf(bao !== undefined)('with a real OpenBao', () => {
  vaultBehaviour(() => startBao(bao ?? ''))

  describe('the login of the broker by AppRole', () => {
    let server: TestVault
    const env: Record<string, string> = {}
    beforeAll(async () => {
      server = await startBao(bao ?? '')
      await call(server, 'POST', 'sys/auth/approle', { type: 'approle' })
      await call(server, 'POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
      const policy = 'path "secret/data/*" { capabilities = ["read"] }'
      await call(server, 'POST', 'sys/policies/acl/reader', { policy })
      const role = { token_policies: ['reader'], token_ttl: '2s', token_max_ttl: '1h' }
      await call(server, 'POST', 'auth/approle/role/credctl', role)
      const id = await call(server, 'GET', 'auth/approle/role/credctl/role-id')
      const secret = await call(server, 'POST', 'auth/approle/role/credctl/secret-id', {})
      env['ROLE'] = String(id.body.data?.['role_id'])
      env['SECRET'] = String(secret.body.data?.['secret_id'])
    }, 60_000)
    afterAll(() => server.close())

    const open = () => {
      const auth = { approle: { role_id: 'env:ROLE', secret_id: 'env:SECRET' } }
      const configured = vaultServer.parse({ address: server.url, auth })
      return new Vault(configured, { resolve: secretResolver(env) })
    }
    const path = PATHS.secret('secret/data/nothing')
    const read = async (vault: Vault) =>
      (await vault.ask({ method: 'GET', path, doing: 'reading' })).status

    it('is renewed ahead of its end, so that one login lasts', async () => {
      const vault = open()
      for (let seconds = 0; seconds < 4; seconds += 1) {
        expect(await read(vault)).toBe(404)
        await new Promise((resolve) => setTimeout(resolve, 1_000))
      }
      await vault.close()
    }, 20_000)

    it('is made again when an operator revokes every token of it', async () => {
      const vault = open()
      expect(await read(vault)).toBe(404)
      await call(server, 'POST', 'sys/leases/revoke-prefix/auth/approle', {})
      await expect.poll(() => read(vault), { timeout: 10_000 }).toBe(404)
      await vault.close()
    }, 20_000)
  })
})
