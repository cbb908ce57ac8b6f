import type { Clock } from '../../clock.ts'
import type { PostgresTarget } from '../../environment/target-postgres.ts'
import type { VaultPostgresTarget } from '../../environment/target-vault.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { granterRole } from '../../plan/postgres/setup.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { openAdmin } from '../postgres/admin.ts'
import { targetFailure } from '../postgres/failure.ts'
import { Readiness } from '../postgres/readiness.ts'
import { compare, listLogins } from '../postgres/reconcile.ts'
import { patrol } from '../postgres/watchdog.ts'
import type { EndedSession, LedgerView, Reconciled } from '../upkeep.ts'

/** What the broker does at a database that Vault mints for, with a role of its own there. */
export interface VaultPreflight {
  /** Errors: `target_refused` when the database gives more or less than the plan says. */
  check(plan: PostgresPlan): Promise<void>
  /** Ends sessions of logins of the role `maker` that exceed a limit of their scope. */
  patrol(maker: string): Promise<readonly EndedSession[]>
  /** Looks only: logins are Vault's to drop, so that those that are over come back as failed. */
  reconcile(maker: string, ledger: LedgerView): Promise<Reconciled>
  close(): Promise<void>
}

/**
 * The preflight of a direct target, for one that Vault mints for: the broker only looks. Group
 * roles are a DBA's to create, as in mode `applied`. Undefined without a role to look with.
 */
export function vaultPreflight(
  target: VaultPostgresTarget,
  parts: { readonly resolve: ResolveSecret; readonly clock: Clock },
): VaultPreflight | undefined {
  const { admin, host, port, database, tls, ca, accept } = target
  if (admin === undefined) return undefined
  const place = { host, port, database, tls, accept, ...(ca === undefined ? {} : { ca }) }
  const direct: PostgresTarget = { ...place, admin }
  const own = openAdmin(direct, parts.resolve)
  const session = openAdmin(direct, parts.resolve, granterRole(admin.user))
  const readiness = new Readiness({ session, target: direct, clock: parts.clock })
  return {
    check: (plan) =>
      talk('looking at the database', async () => {
        const passed = await readiness.of(plan, 'applied')
        await readiness.confirm(passed, await readiness.look(plan), plan, 'applied')
      }),
    patrol: (maker) => talk('watching sessions', () => patrol(own, maker)),
    reconcile: (maker, ledger) =>
      talk('comparing logins with the ledger', async () => {
        const { over, ...rest } = await compare(await listLogins(own, maker), ledger)
        const failed = over.map(({ login }) => ({ login, code: 'revocation_incomplete' }))
        return { dropped: [], failed, ...rest }
      }),
    close: async () => {
      await Promise.all([own.close(), session.close()])
    },
  }
}

async function talk<T>(doing: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw targetFailure(error, doing)
  }
}
