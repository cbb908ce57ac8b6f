import { describe } from 'vitest'
import { FakeVault } from '../../support/vault/vault.ts'
import { ACCESS, escapeSuite } from '../postgres/escape-suite.ts'
import { behindVault, mintBy } from './world.ts'

/** The same attempts with the same outcomes as by logins that the broker makes. */
describe('logins that Vault makes', () =>
  escapeSuite(async (direct, postgres) => {
    const fake = await new FakeVault().start()
    const world = await behindVault(direct, postgres, fake, ACCESS)
    const mint = world.mint()
    return {
      login: async () => {
        const { credential, handle } = await mintBy(mint, world.grant())
        return { credential, revoke: () => mint.revoke(handle) }
      },
      afterHardening: async () => {
        await direct.root.query(`GRANT USAGE ON LANGUAGE plpgsql TO ${world.user}`)
      },
      close: async () => {
        await world.close()
        await fake.close()
      },
    }
  }))
