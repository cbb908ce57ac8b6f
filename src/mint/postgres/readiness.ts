import type { Clock } from '../../clock.ts'
import type { GrantsMode, PostgresTarget } from '../../environment/target-postgres.ts'
import { CredctlError } from '../../errors.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { granterRole } from '../../plan/postgres/setup.ts'
import type { Session } from './admin.ts'
import { blocking, type Finding } from './finding.ts'
import { type Fingerprint, fingerprintOf, fingerprintSql } from './fingerprint.ts'
import { ensureGroupRole } from './group-role.ts'
import { preflight } from './preflight.ts'

/** A preflight that let the plan pass, and what it depended on. */
export interface Passed {
  readonly findings: readonly Finding[]
  readonly fingerprint: Fingerprint
  readonly at: number
}

/** Nothing is minted on the word of a preflight that is older. */
const MAX_AGE_MS = 300_000
/** A busy catalogue (temporary tables) may ask for another preflight this often at most. */
const CALM_MS = 2_000

/** One look at the catalogue and the clock serves the mints of this long. */
const LOOK_MS = 1_000

/** VALID UNTIL is read by the server's clock: beyond this, a login would live visibly longer. */
const MAX_SKEW_MS = 5_000

/** PostgreSQL 16 made CREATEROLE safe to give to a broker. */
const OLDEST_SERVER = 160_000

export interface ReadinessParts {
  readonly session: Session
  readonly target: PostgresTarget
  readonly clock: Clock
}

/** Which plans may be minted at one target, remembered until the catalogue changes. */
export class Readiness {
  readonly #parts: ReadinessParts
  readonly #running = new Map<string, Promise<Passed>>()
  readonly #passed = new Map<string, Passed>()
  readonly #looks = new Map<string, { readonly at: number; readonly seen: Promise<Fingerprint> }>()

  constructor(parts: ReadinessParts) {
    this.#parts = parts
  }

  /** The preflight that still counts for a plan, or a new one. Errors: as of `#check`. */
  async of(plan: PostgresPlan, grants: GrantsMode): Promise<Passed> {
    const passed = this.#passed.get(plan.groupRole)
    const age = passed === undefined ? Number.POSITIVE_INFINITY : this.#age(passed)
    return passed !== undefined && age < MAX_AGE_MS ? passed : await this.#once(plan, grants)
  }

  /**
   * What the catalogue and the clock of the server are like, now or within the last second.
   * Errors: `target_refused` when the clocks differ too much.
   */
  async look(plan: PostgresPlan): Promise<Fingerprint> {
    const now = this.#parts.clock.now().getTime()
    const last = this.#looks.get(plan.groupRole)
    if (last !== undefined && now - last.at < LOOK_MS) return await last.seen
    const seen = this.#look(plan)
    this.#looks.set(plan.groupRole, { at: now, seen })
    seen.catch(() => this.#looks.delete(plan.groupRole))
    return await seen
  }

  async #look(plan: PostgresPlan): Promise<Fingerprint> {
    const { session, clock } = this.#parts
    const before = clock.now().getTime()
    const name = `fingerprint ${plan.groupRole}`
    const seen = fingerprintOf(await session.query(fingerprintSql(plan), [], name))
    refuseSkew(seen.now, before, clock.now().getTime())
    return seen
  }

  /** Preflights again when the catalogue differs from the one that the preflight saw. */
  async confirm(
    passed: Passed,
    seen: Fingerprint,
    plan: PostgresPlan,
    grants: GrantsMode,
  ): Promise<Passed> {
    const latest = this.#passed.get(plan.groupRole) ?? passed
    const { declared, catalogue } = latest.fingerprint
    if (seen.declared === declared && seen.catalogue === catalogue) return latest
    if (seen.declared === declared && this.#age(latest) < CALM_MS) return latest
    return await this.#once(plan, grants)
  }

  /** Forgets a plan whose group role turned out to be gone. */
  forget(plan: PostgresPlan): void {
    this.#passed.delete(plan.groupRole)
  }

  #age({ at }: Passed): number {
    return this.#parts.clock.now().getTime() - at
  }

  /** Concurrent requests for one plan share one preflight. */
  async #once(plan: PostgresPlan, grants: GrantsMode): Promise<Passed> {
    const key = `${plan.groupRole} ${grants}`
    const running = this.#running.get(key)
    if (running !== undefined) return await running
    const check = this.#check(plan, grants).finally(() => this.#running.delete(key))
    this.#running.set(key, check)
    return await check
  }

  async #check(plan: PostgresPlan, grants: GrantsMode): Promise<Passed> {
    const { session, target, clock } = this.#parts
    this.forget(plan)
    await requireServer(session, granterRole(target.admin.user))
    await ensureGroupRole(session, plan, grants)
    const at = clock.now().getTime()
    // Before the checks: a change during them makes the next mint look again.
    this.#looks.delete(plan.groupRole)
    const fingerprint = await this.look(plan)
    const findings = await preflight(session, plan, target.accept, grants)
    refuseBlocked(plan, findings)
    const passed = { findings, fingerprint, at }
    this.#passed.set(plan.groupRole, passed)
    return passed
  }
}

/**
 * Errors: `target_refused` for a server that is too old or a connection that is not ours alone,
 * `target_unavailable` for a standby.
 */
export async function requireServer(session: Session, role: string): Promise<void> {
  const [row] = await session.query(
    `SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
       current_user AS role, current_setting('search_path') AS path`,
  )
  const version = Number(row?.['version'])
  if (version < OLDEST_SERVER) {
    throw new CredctlError(
      'target_refused',
      `PostgreSQL ${Math.floor(version / 10_000)} is too old: before 16, a role with CREATEROLE can give itself every other role, so the broker's admin could not be limited`,
      { hint: 'upgrade the server to PostgreSQL 16 or newer' },
    )
  }
  if (row?.['role'] !== role || row['path'] !== 'pg_catalog') {
    const message = 'the connection does not keep its start-up settings, so it is not safe to use'
    const hint = 'connect to PostgreSQL itself instead of a pooler'
    throw new CredctlError('target_refused', message, { hint })
  }
  if (row['standby'] === true) {
    const message = 'the server is a standby in recovery and accepts no changes'
    throw new CredctlError('target_unavailable', message, { hint: 'name the primary as host' })
  }
}

/** The server's time lies between our sending and our receiving, give or take the bound. */
function refuseSkew(server: number, before: number, after: number): void {
  const skew = server < before ? before - server : server > after ? server - after : 0
  if (skew <= MAX_SKEW_MS) return
  throw new CredctlError(
    'target_refused',
    `the clocks of the broker and the database differ by ${Math.round(skew / 1000)} s`,
    { hint: 'synchronise both with NTP: a login expires by the clock of the database' },
  )
}

function refuseBlocked(plan: PostgresPlan, findings: readonly Finding[]): void {
  const blocks = blocking(findings)
  if (blocks.length === 0) return
  const shown = blocks.slice(0, 3).map(({ message }) => message)
  const more = blocks.length > shown.length ? `; and ${blocks.length - shown.length} more` : ''
  throw new CredctlError(
    'target_refused',
    `the preflight in database ${plan.database} blocks this plan: ${shown.join('; ')}${more}`,
    { hint: 'an operator runs `credctl doctor postgres` for the statement that fixes each' },
  )
}
