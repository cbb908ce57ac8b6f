import { expect, test } from 'vitest'
import { systemRandom } from '../../src/clock.ts'
import type { Grant } from '../../src/decision/decide.ts'
import type { Handle } from '../../src/ledger/entry.ts'
import { reconcileTargets } from '../../src/lifecycle/upkeep.ts'
import type { Minted } from '../../src/mint/mint.ts'
import { Mints } from '../../src/mint/mints.ts'
import type { LedgerView, Upkeep } from '../../src/mint/upkeep.ts'
import { environments } from '../decision/world.ts'
import { migratedDatabase, openLedger } from '../ledger/postgres/database.ts'
import { testPostgres } from '../support/postgres.ts'
import { lifecycle, StoppedClock, Target } from './parts.ts'

const postgres = testPostgres()

/** A target that Vault mints for: the name of a login is known only once it is there. */
class VaultTarget extends Target {
  readonly views: LedgerView[] = []
  readonly upkeep: Upkeep = {
    patrol: async () => [],
    reconcile: async (view) => {
      this.views.push(view)
      return { dropped: [], unknown: [], missing: [], failed: [] }
    },
    collectGroups: async () => ({ dropped: [], left: [] }),
  }

  override handle(): Handle {
    return { kind: 'vault', gives: 'postgres', role: 'cb-1', accessor: 'a-1' }
  }

  override async mint(grant: Grant, target: string, handle: Handle): Promise<Minted> {
    const minted = await super.mint(grant, target, handle)
    return { ...minted, fingerprint: `cbg_${grant.id.toLowerCase()}_abc`, handle }
  }
}

test('the ledger knows logins that Vault named: open while they may be used, and then over', async () => {
  const clock = new StoppedClock()
  const ledger = await openLedger(postgres, await migratedDatabase(postgres), { clock })
  const target = new VaultTarget()
  const here = lifecycle(ledger, clock, target)
  const grant = await here.grant()
  const login = `cbg_${grant.id.toLowerCase()}_abc`
  const look = async () => {
    await reconcileTargets({
      ledger,
      clock,
      environments,
      random: systemRandom,
      mints: new Mints([['dev', 'db', target]]),
      catalog: () => {
        throw new Error('not asked for')
      },
      onCollected: () => undefined,
      onReconciled: () => undefined,
      onUnreachable: (_place, error) => {
        throw error
      },
    })
    const view = target.views.at(-1)
    return { expected: view?.expected, word: await view?.word(login) }
  }
  expect(await look()).toEqual({ expected: [], word: 'unknown' })
  await here.fetch(grant)
  expect(await look()).toEqual({ expected: [login], word: 'open' })
  await here.end(grant)
  expect(await look()).toEqual({ expected: [], word: 'finished' })
  const stranger = await here.grant('agent-2')
  expect(await target.views.at(-1)?.word(`cbg_${stranger.id.toLowerCase()}_abc`)).toBe('unknown')
})
