import { databaseRole } from '../src/plan/vault/database-role.ts'
import { vaultSecrets } from '../src/vault/secrets.ts'
import { createVaultWorld, mintBy, planOf, type VaultWorld } from '../test/mint/vault/world.ts'
import { startTestPostgres } from '../test/support/postgres.ts'
import { findBao, startBao } from '../test/support/vault/bao.ts'
import { call, type TestVault } from '../test/support/vault/setup.ts'
import { FakeVault } from '../test/support/vault/vault.ts'
import { against, measure, type Row } from './row.ts'

const READS = 2_000
const LOGINS = 200
const CLIENTS = 8

/** The adapter beside bare `fetch`, and a credential beside the same requests made by hand. */
export async function bench(): Promise<readonly Row[]> {
  const bao = findBao()
  const server = bao === undefined ? await new FakeVault().start() : await startBao(bao)
  const { postgres, close } = await startTestPostgres()
  const world = await createVaultWorld(postgres, server)
  try {
    const name = bao === undefined ? 'the stand-in' : 'OpenBao'
    return [...(await reads(server, world, name)), ...(await logins(server, world, name))]
  } finally {
    await world.close()
    await close()
    await server.close()
  }
}

async function reads(server: TestVault, world: VaultWorld, name: string): Promise<Row[]> {
  await call(server, 'POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await call(server, 'POST', 'secret/data/bench', { data: { password: 'x' } })
  const headers = { 'x-vault-token': server.rootToken }
  const bare = await measure(`bare: fetch of a secret, ${name}`, { count: READS }, async () => {
    await (await fetch(`${server.url}/v1/secret/data/bench`, { headers })).json()
  })
  const store = vaultSecrets(world.vault(server.rootToken))
  const adapter = await measure(`a secret by the adapter, ${name}`, { count: READS }, async () => {
    await store.fetch('secret/data/bench')
  })
  return [bare, against(adapter, bare)]
}

/** Token, login, end of the lease, end of the token: what nobody can do without. */
async function logins(server: TestVault, world: VaultWorld, name: string): Promise<Row[]> {
  const mint = world.mint()
  const options = { count: LOGINS, concurrency: CLIENTS, warmup: 5 }
  const { name: role } = databaseRole(planOf(world.grant()), world.connection, 300)
  const whole = await measure(
    `a login minted and revoked, verified, ${name}`,
    options,
    async () => {
      const { handle } = await mintBy(mint, world.grant())
      await mint.revoke(handle)
    },
  )
  const bare = await measure(`bare: token, login and their end, ${name}`, options, async () => {
    const send = (method: string, path: string, body?: object, token = world.brokerToken) =>
      call(server, method, path, body, token)
    const { auth } = (await send('POST', 'auth/token/create/credctl', { ttl: '360s' })).body
    const login = await send('GET', `database/creds/${role}`, undefined, auth?.client_token)
    const lease_id = 'lease_id' in login.body ? login.body.lease_id : ''
    await send('POST', 'sys/leases/revoke', { lease_id, sync: true })
    await send('POST', 'auth/token/revoke-accessor', { accessor: auth?.accessor })
  })
  return [bare, against(whole, bare, 'rate')]
}
