import type { Clock } from '../../clock.ts'
import type { PostgresTarget } from '../../environment/target-postgres.ts'
import type { VaultPostgresTarget } from '../../environment/target-vault.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { granterRole } from '../../plan/postgres/setup.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { openAdmin } from '../postgres/admin.ts'
import { targetFailure } from '../postgres/failure.ts'
import { Readiness } from '../postgres/readiness.ts'

export interface VaultPreflight {
  /** Errors: `target_refused` when the database gives more or less than the plan says. */
  check(plan: PostgresPlan): Promise<void>
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
  const session = openAdmin(direct, parts.resolve, granterRole(admin.user))
  const readiness = new Readiness({ session, target: direct, clock: parts.clock })
  return {
    check: async (plan) => {
      try {
        const passed = await readiness.of(plan, 'applied')
        await readiness.confirm(passed, await readiness.look(plan), plan, 'applied')
      } catch (error) {
        throw targetFailure(error, 'looking at the database')
      }
    },
    close: () => session.close(),
  }
}
