import type { Clock } from '../../clock.ts'
import type { Grant } from '../../decision/decide.ts'
import type { VaultPostgresTarget } from '../../environment/target-vault.ts'
import { CredctlError } from '../../errors.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { databaseRole } from '../../plan/vault/database-role.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { readConnection } from '../../vault/database.ts'
import type { Vault } from '../../vault/vault.ts'
import { postgresCredential } from '../postgres/credential.ts'
import type { Upkeep } from '../upkeep.ts'
import { collectRoles } from './collect.ts'
import { POSTGRES_CONNECTION, requireConnection } from './connection.ts'
import { VaultDatabaseMint } from './database.ts'
import { VAULT_POSTGRES_GUARANTEES } from './guarantees.ts'
import { type VaultPreflight, vaultPreflight } from './preflight.ts'

export interface VaultMintParts {
  readonly vault: Vault
  readonly clock: Clock
  readonly resolve: ResolveSecret
}

/** Logins of one PostgreSQL database that Vault makes and Vault ends. The caller closes it. */
export function vaultPostgresMint(
  target: VaultPostgresTarget,
  parts: VaultMintParts,
): VaultDatabaseMint {
  const { vault } = parts
  const { mount, connection, token_role: tokenRole } = target
  const preflight = vaultPreflight(target, parts)
  return new VaultDatabaseMint(
    {
      gives: 'postgres',
      mount,
      tokenRole,
      guarantees: VAULT_POSTGRES_GUARANTEES,
      upkeep: upkeepOf(vault, target, preflight),
      roleOf: (grant, name) => databaseRole(planOf(grant, name), connection, grant.plan.ttlSeconds),
      check: async (grant, name) => {
        await Promise.all([
          requireConnection(vault, target, POSTGRES_CONNECTION),
          preflight?.check(planOf(grant, name)),
        ])
      },
      logins: ({ id }) => new RegExp(`^cbg_${id.toLowerCase()}_[a-z0-9]{8,20}$`),
      credential: (grant, name, { username: user, password }, expiresAt) => {
        const { limits } = planOf(grant, name)
        return postgresCredential(target, { user, password, expiresAt, limits })
      },
      facts: (grant, name) => ({ group_role: planOf(grant, name).groupRole }),
      close: async () => preflight?.close(),
    },
    parts,
  )
}

/**
 * Vault itself ends what is over; roles that nobody uses any more are ours to delete. With a role of
 * its own in the database the broker also ends sessions and sees what Vault left behind.
 */
function upkeepOf(
  vault: Vault,
  target: VaultPostgresTarget,
  here: VaultPreflight | undefined,
): Upkeep {
  const { mount, connection } = target
  const maker = async () => {
    const { username } = (await readConnection(vault, mount, connection)).connection_details
    return username ?? target.vault_user ?? ''
  }
  return {
    patrol: async () => (here === undefined ? [] : await here.patrol(await maker())),
    reconcile: async (ledger) =>
      here === undefined
        ? { dropped: [], unknown: [], missing: [], failed: [] }
        : await here.reconcile(await maker(), ledger),
    collectGroups: (keep, used) => collectRoles(vault, target, { keep, used }),
  }
}

function planOf(grant: Grant, target: string): PostgresPlan {
  const plan = grant.plan.targets[target]
  if (plan?.kind === 'postgres') return plan
  throw new CredctlError('target_unknown', `the grant's target ${target} is not PostgreSQL`)
}
