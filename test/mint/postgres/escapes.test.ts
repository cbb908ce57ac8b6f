import { describe } from 'vitest'
import { mintOn } from './database.ts'
import { ACCEPTED, ACCESS, escapeSuite } from './escape-suite.ts'

describe('logins that the broker makes', () =>
  escapeSuite(async (world) => {
    const mint = world.mint({ accept: ACCEPTED })
    return {
      login: async () => {
        const { credential, handle } = await mintOn(mint, world.grant(ACCESS))
        return { credential, revoke: () => mint.revoke(handle) }
      },
      close: () => mint.close(),
    }
  }))
