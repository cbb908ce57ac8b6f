import { type Random, ulid } from '../clock.ts'
import type { Environment } from '../environment/environment.ts'
import type { CredentialState, Ledger } from '../ledger/ledger.ts'
import { sessionEnded } from '../ledger/record.ts'
import type { EndedSession, LedgerView, LedgerWord, Reconciled } from '../mint/upkeep.ts'
import { planMysql } from '../plan/mysql/plan.ts'
import { planPostgres } from '../plan/postgres/plan.ts'
import { mysqlRole } from '../plan/vault/mysql-role.ts'
import type { Catalog } from '../scope/catalog.ts'
import type { Parts } from './revocation.ts'

export interface UpkeepParts extends Parts {
  readonly random: Random
  readonly catalog: () => Catalog
  readonly environments: ReadonlyMap<string, Environment>
  readonly onCollected: (place: Place, dropped: readonly string[]) => void
  readonly onReconciled: (place: Place, reconciled: Reconciled) => void
  /** A target that could not be looked at this time. */
  readonly onUnreachable: (place: Place, error: unknown) => void
}

export interface Place {
  readonly environment: string
  readonly target: string
}

/**
 * Ends every session that exceeds a limit of its scope, and puts that on the record. Only targets
 * with credentials that could be in use are looked at; one replica at a time.
 */
export async function patrolTargets(parts: UpkeepParts): Promise<void> {
  await parts.ledger.exclusively('patrol', async () => {
    const used = new Set((await parts.ledger.minted()).map(placeKey))
    for (const { upkeep, ...place } of parts.mints.upkeep()) {
      if (!used.has(placeKey(place))) continue
      try {
        for (const session of await upkeep.patrol()) await recordEnd(parts, place, session)
      } catch (error) {
        parts.onUnreachable(place, error)
      }
    }
  })
}

async function recordEnd(parts: UpkeepParts, { target }: Place, session: EndedSession) {
  const grant = session.grant === undefined ? undefined : await parts.ledger.grant(session.grant)
  if (grant === undefined) return
  const occasion = { request: ulid(parts.clock, parts.random), now: parts.clock.now() }
  const link = { grant: grant.id, previous: grant.lastIndex }
  const { login, breach, detail } = session
  await parts.ledger.append(sessionEnded(occasion, link, { target, login, breach, detail }))
}

/** Compares every target with the ledger; what differs is reported, what is over is ended. */
export async function reconcileTargets(parts: UpkeepParts): Promise<void> {
  await parts.ledger.exclusively('reconcile', async () => {
    const minted = await parts.ledger.minted()
    for (const { upkeep, ...place } of parts.mints.upkeep()) {
      const here = minted.filter((credential) => placeKey(credential) === placeKey(place))
      try {
        const view = viewOf(parts.ledger, parts.clock.now(), here)
        parts.onReconciled(place, await upkeep.reconcile(view))
      } catch (error) {
        parts.onUnreachable(place, error)
      }
    }
  })
}

/** Drops the group roles of plans that no scope gives any more and no live login uses. */
export async function collectGroupRoles(parts: UpkeepParts): Promise<void> {
  await parts.ledger.exclusively('collect', async () => {
    const keep = rolesInForce(parts)
    const used = vaultRolesInUse(await parts.ledger.minted())
    for (const { upkeep, ...place } of parts.mints.upkeep()) {
      try {
        const { dropped } = await upkeep.collectGroups(keep, used)
        if (dropped.length > 0) parts.onCollected(place, dropped)
      } catch (error) {
        parts.onUnreachable(place, error)
      }
    }
  })
}

/**
 * Group roles of every scope in every environment, since two targets may be the same server, and
 * Vault roles of plans that have no group role.
 */
function rolesInForce({ catalog, environments }: UpkeepParts): string[] {
  const scopes = [...catalog().scopes.values()].map(({ scope }) => scope)
  const targets = [...environments.values()].flatMap((each) => Object.entries(each.targets))
  return targets.flatMap(([name, target]) =>
    scopes.flatMap(({ access, ttl: ttlSeconds }) => {
      const declared = access[name]
      if (declared === undefined) return []
      if ('database' in target && 'postgres' in declared) {
        const planned = planPostgres(declared.postgres, target)
        return planned.ok ? [planned.plan.groupRole] : []
      }
      if (target.kind !== 'vault_mysql' || !('mysql' in declared)) return []
      const planned = planMysql(declared.mysql)
      return planned.ok ? [mysqlRole(planned.plan, { ...target, ttlSeconds }).name] : []
    }),
  )
}

function vaultRolesInUse(minted: readonly CredentialState[]): string[] {
  return minted.flatMap(({ handle }) => (handle.kind === 'vault' ? [handle.role] : []))
}

function viewOf(ledger: Ledger, now: Date, minted: readonly CredentialState[]): LedgerView {
  return {
    now,
    expected: minted.flatMap(loginsOf),
    word: (login) => wordOf(ledger, login),
  }
}

/** Vault names its logins itself: the log has the name as the fingerprint. */
function loginsOf({ handle, fingerprint }: CredentialState): string[] {
  if (handle.kind === 'postgres') return [handle.login]
  return handle.kind === 'vault' && fingerprint !== undefined ? [fingerprint] : []
}

const LOGIN = /^cbg_([0-9a-z]{26})_/

/** A login's name carries its grant; the grant's credentials say which login is whose. */
async function wordOf(ledger: Ledger, login: string): Promise<LedgerWord> {
  const grant = LOGIN.exec(login)?.[1]?.toUpperCase()
  const credentials = grant === undefined ? [] : await ledger.credentials(grant)
  const found = credentials.find(({ handle }) => 'login' in handle && handle.login === login)
  const here = found === undefined ? credentials.filter(({ handle }) => isVault(handle)) : [found]
  if (here.length === 0) return 'unknown'
  // Of several that Vault makes for one grant, the open one may be this one.
  return here.some(({ status }) => OPEN.has(status)) ? 'open' : 'finished'
}

const OPEN = new Set<CredentialState['status']>(['requested', 'minted'])

function isVault(handle: CredentialState['handle']): boolean {
  return handle.kind === 'vault' && handle.gives === 'postgres'
}

function placeKey({ environment, target }: Place): string {
  return `${environment}/${target}`
}
