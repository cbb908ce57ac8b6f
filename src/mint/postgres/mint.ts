import { type Clock, type Random, systemClock, systemRandom } from '../../clock.ts'
import type { Grant } from '../../decision/decide.ts'
import type { EnvironmentClass } from '../../environment/environment.ts'
import type { GrantsMode, PostgresTarget } from '../../environment/target-postgres.ts'
import { CredctlError } from '../../errors.ts'
import type { Handle } from '../../ledger/entry.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { granterRole } from '../../plan/postgres/setup.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { Secret } from '../../secret/secret.ts'
import type { Mint, Minted } from '../mint.ts'
import type { Collected, EndedSession, LedgerView, Reconciled, Upkeep } from '../upkeep.ts'
import { type Admin, openAdmin } from './admin.ts'
import { collectGroups } from './collect.ts'
import { postgresCredential } from './credential.ts'
import { codeOf, retryingRaces, targetFailure } from './failure.ts'
import type { Finding } from './finding.ts'
import { GUARANTEES } from './guarantees.ts'
import { createLoginStatements, loginName } from './login.ts'
import { LoginSecrets } from './login-secrets.ts'
import { Memberships } from './membership.ts'
import { preflight } from './preflight.ts'
import { Readiness, requireServer } from './readiness.ts'
import { reconcile } from './reconcile.ts'
import { revokeLogin } from './revoke.ts'
import { patrol } from './watchdog.ts'

export interface PostgresMintParts {
  readonly resolve: ResolveSecret
  readonly clock?: Clock
  readonly random?: Random
}

/** Credentials of one PostgreSQL database: logins that live as long as their grant. */
export class PostgresMint implements Mint, Upkeep {
  readonly guarantees = Object.values(GUARANTEES)
  readonly upkeep: Upkeep = this
  readonly #target: PostgresTarget
  readonly #clock: Clock
  readonly #admin: Admin
  readonly #granter: Admin
  readonly #memberships: Memberships
  readonly #secrets: LoginSecrets
  readonly #readiness: Readiness

  /** Connects when first used. The caller closes it. */
  constructor(target: PostgresTarget, parts: PostgresMintParts) {
    this.#target = target
    this.#clock = parts.clock ?? systemClock
    this.#admin = openAdmin(target, parts.resolve)
    this.#granter = openAdmin(target, parts.resolve, granterRole(target.admin.user))
    this.#memberships = new Memberships(this.#granter)
    this.#secrets = new LoginSecrets(parts.random ?? systemRandom)
    this.#readiness = new Readiness({ session: this.#granter, target, clock: this.#clock })
  }

  handle(grant: Grant, target: string, credentialId: string): Handle {
    const login = loginName(grant.id, credentialId)
    return { kind: 'postgres', login, group: planOf(grant, target).groupRole }
  }

  async mint(grant: Grant, target: string, handle: Handle): Promise<Minted> {
    const plan = planOf(grant, target)
    const login = loginOf(handle)
    try {
      return await this.#mint(grant, plan, login)
    } catch (error) {
      throw targetFailure(error, 'minting a PostgreSQL login')
    }
  }

  async revoke(handle: Handle): Promise<{ outcome: 'gone' }> {
    const login = loginOf(handle)
    await this.#talk('revoking a PostgreSQL login', () => revokeLogin(this.#admin, login))
    return { outcome: 'gone' }
  }

  /** For `doctor`: what stands between this plan and a mint. Changes nothing. */
  async preflight(
    plan: PostgresPlan,
    environmentClass: EnvironmentClass,
  ): Promise<readonly Finding[]> {
    const grants = grantsMode(this.#target, environmentClass)
    return await this.#talk('looking at the database', async () => {
      await requireServer(this.#granter, granterRole(this.#target.admin.user))
      return await preflight(this.#granter, plan, this.#target.accept, grants)
    })
  }

  /** Ends logins that the ledger is done with, reports those it does not know. */
  async reconcile(ledger: LedgerView): Promise<Reconciled> {
    return await this.#talk('comparing logins with the ledger', () =>
      reconcile(this.#admin, ledger),
    )
  }

  /** One round of the watchdog; run it every few seconds. */
  async patrol(): Promise<readonly EndedSession[]> {
    return await this.#talk('watching sessions', () => patrol(this.#admin))
  }

  /** Drops group roles that no login uses, except those of plans in force. */
  async collectGroups(keep: readonly string[]): Promise<Collected> {
    return await this.#talk('collecting group roles', () => collectGroups(this.#granter, keep))
  }

  async close(): Promise<void> {
    await Promise.all([this.#admin.close(), this.#granter.close()])
  }

  async #talk<T>(doing: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw targetFailure(error, doing)
    }
  }

  async #mint(grant: Grant, plan: PostgresPlan, login: string): Promise<Minted> {
    const grants = grantsMode(this.#target, grant.plan.environmentClass)
    const [passed, { password, verifier }] = await Promise.all([
      this.#readiness.of(plan, grants),
      this.#secrets.take(),
    ])
    const { groupRole: group, limits } = plan
    const { expiresAt } = grant
    const { connections } = limits
    const statements = createLoginStatements({ login, verifier, expiresAt, connections })
    const seen = await bothEnd(
      this.#readiness.look(plan),
      retryingRaces(() => this.#admin.batch(statements.join(';\n'))),
    )
    await this.#join(login, plan, grants)
    const { findings } = await this.#readiness.confirm(passed, seen, plan, grants)
    const credential = postgresCredential(this.#target, {
      user: login,
      password,
      expiresAt,
      limits,
    })
    const facts = { group_role: group, ...acceptedFacts(findings) }
    return { credential: new Secret(credential), fingerprint: login, expiresAt, facts }
  }

  /** A collection may have dropped the group role since the preflight: it is made again, once. */
  async #join(login: string, plan: PostgresPlan, grants: GrantsMode): Promise<void> {
    const join = () => this.#memberships.join(login, plan.groupRole)
    try {
      await join()
    } catch (error) {
      if (codeOf(error) !== '42704') throw error
      this.#readiness.forget(plan)
      await this.#readiness.of(plan, grants)
      await join()
    }
  }
}

export function postgresMint(target: PostgresTarget, parts: PostgresMintParts): PostgresMint {
  return new PostgresMint(target, parts)
}

/**
 * The first one's value when both succeed. Waits for both also when one fails: whoever cleans up
 * after a failure must not be overtaken by a statement that is still under way.
 */
async function bothEnd<T>(first: Promise<T>, second: Promise<unknown>): Promise<T> {
  await Promise.allSettled([first, second])
  await second
  return await first
}

/** `applied` in prod unless the operator says otherwise. */
export function grantsMode(target: PostgresTarget, environmentClass: EnvironmentClass): GrantsMode {
  return target.grants ?? (environmentClass === 'nonprod' ? 'delegated' : 'applied')
}

function planOf(grant: Grant, target: string): PostgresPlan {
  const plan = grant.plan.targets[target]
  if (plan?.kind === 'postgres') return plan
  throw new CredctlError('target_unknown', `the grant's target ${target} is not PostgreSQL`)
}

function loginOf(handle: Handle): string {
  if (handle.kind === 'postgres') return handle.login
  throw new CredctlError('internal', 'a handle of another kind of target')
}

/** The ledger says which findings an operator had accepted when this was minted. */
function acceptedFacts(findings: readonly Finding[]): Record<string, string> {
  const accepted = findings.filter(({ status }) => status === 'accepted')
  if (accepted.length === 0) return {}
  const names = accepted.map(({ finding, object }) => `${finding} ${object}`)
  const shown = names.slice(0, 20).join('; ')
  return { accepted: names.length > 20 ? `${shown}; and ${names.length - 20} more` : shown }
}
