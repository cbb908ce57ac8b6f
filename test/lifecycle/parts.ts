import { Broker } from '../../src/broker.ts'
import { type Clock, systemRandom, ulid } from '../../src/clock.ts'
import type { Grant } from '../../src/decision/decide.ts'
import { CredctlError } from '../../src/errors.ts'
import type { Caller } from '../../src/identity/caller.ts'
import type { Handle } from '../../src/ledger/entry.ts'
import type { PostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { Sweep, type SweepParts } from '../../src/lifecycle/sweep.ts'
import type { Mint, Minted, Revoked } from '../../src/mint/mint.ts'
import { Mints } from '../../src/mint/mints.ts'
import { Secret } from '../../src/secret/secret.ts'
import { callerNamed, scopeNamed, environments as world } from '../decision/world.ts'

export const ORPHAN_AFTER_MS = 60_000
export const START = Date.parse('2026-11-20T12:00:00Z')

/** Time that stands still until a test moves it. */
export class StoppedClock implements Clock {
  #now = START
  now(): Date {
    return new Date(this.#now)
  }
  move(milliseconds: number): void {
    this.#now += milliseconds
  }
}

/** A target of which a test decides how it fails; it knows what exists in it. */
export class Target implements Mint {
  readonly guarantees = ['ended at once']
  readonly existing = new Set<string>()
  readonly revoked: string[] = []
  /** Runs before anything is on the record; what it throws is the failure. */
  beforeRecord: () => Promise<void> = async () => undefined
  /** Runs before a credential exists; what it throws is the failure. */
  beforeMint: (handle: Handle) => Promise<void> = async () => undefined
  /** Runs after it exists: a target that fails late. */
  afterMint: (handle: Handle) => Promise<void> = async () => undefined
  beforeRevoke: (handle: Handle) => Promise<void> = async () => undefined

  handle(_grant: Grant, _target: string, credentialId: string): Handle {
    return { kind: 'postgres', login: `cbg_${credentialId.toLowerCase()}`, group: 'cbs_0123456789' }
  }

  async prepare(_grant: Grant, _target: string, handle: Handle): Promise<Handle> {
    await this.beforeRecord()
    return handle
  }

  async mint(grant: Grant, _target: string, handle: Handle): Promise<Minted> {
    await this.beforeMint(handle)
    this.existing.add(nameOf(handle))
    await this.afterMint(handle)
    const expiresAt = grant.expiresAt
    const credential = new Secret({
      host: 'db',
      port: 5432,
      database: 'orders',
      user: nameOf(handle),
      password: 'x',
      sslmode: 'disable' as const,
      uri: 'postgres://db',
      expires_at: expiresAt.toISOString(),
    })
    return { credential, fingerprint: `sha256:${'0'.repeat(64)}`, expiresAt, facts: {} }
  }

  async revoke(handle: Handle): Promise<Revoked> {
    this.revoked.push(nameOf(handle))
    await this.beforeRevoke(handle)
    this.existing.delete(nameOf(handle))
    return { outcome: 'gone' }
  }

  async close(): Promise<void> {}
}

export function nameOf(handle: Handle): string {
  if (handle.kind === 'vault') return handle.role
  return handle.kind === 'postgres' ? handle.login : handle.session
}

export const down = async (): Promise<never> => {
  throw new CredctlError('target_unavailable', 'the target is down')
}

/** A gate that a test opens: whoever passes waits until then. */
export function gate() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const pass = async () => {
    reach()
    await opened
  }
  return { open, pass, reached }
}

export interface Lifecycle {
  readonly clock: StoppedClock
  readonly target: Target
  readonly broker: Broker
  readonly ledger: PostgresLedger
  sweep(parts?: Partial<SweepParts>): Sweep
  /** A grant of scope backfill in dev. */
  grant(subject?: string): Promise<{ id: string; plan: string }>
  fetch(grant: { id: string; plan: string }): Promise<Minted>
  statuses(grant: { id: string }): Promise<string[]>
  /** Kinds of the grant's entries, in order. */
  kinds(grant: { id: string }): Promise<string[]>
  end(grant: { id: string }, cause?: 'caller' | 'operator'): Promise<unknown>
}

export const AGENT: Caller = callerNamed('agent', {})

/** A broker over a real ledger and a target of a test's making. */
export function lifecycle(
  ledger: PostgresLedger,
  clock: StoppedClock,
  target = new Target(),
  environments = world,
): Lifecycle {
  const found = scopeNamed('backfill', {})
  if (found === undefined) throw new Error('no scope')
  const catalog = { scopes: new Map([['backfill', found]]), digest: found.digest }
  const mints = new Mints([['dev', 'db', target]])
  const parts = { ledger, mints, clock, random: systemRandom, environments, catalog: () => catalog }
  const broker = new Broker({ ...parts, privacy: { redact: [], commit: [] } })
  const request = () => ulid(clock, systemRandom)
  return {
    clock,
    target,
    broker,
    ledger,
    sweep: (more = {}) =>
      new Sweep({
        ...parts,
        orphanAfterMs: ORPHAN_AFTER_MS,
        onPending: () => undefined,
        onBacklog: () => undefined,
        ...more,
      }),
    grant: async (subject = 'agent-1') => {
      const ask = { scope: 'backfill', environment: 'dev', intent: 'Look.', parameters: {} }
      const answer = await broker.requestGrant({ ...AGENT, subject }, ask, request())
      if (answer.outcome !== 'allow') throw new Error(JSON.stringify(answer.disclosed))
      return { id: answer.grant.id, plan: answer.grant.plan.digest }
    },
    fetch: ({ id, plan }) =>
      broker.credential({ grant: id, plan, target: 'db', request: request() }),
    statuses: async ({ id }) => (await ledger.credentials(id)).map(({ status }) => status),
    kinds: async ({ id }) => {
      const entries = await ledger.log.entriesOfGrant(id)
      return entries.map(({ bytes }) => {
        const entry: { kind: string } = JSON.parse(Buffer.from(bytes).toString())
        return entry.kind
      })
    },
    end: async ({ id }, cause = 'caller') => {
      const state = await ledger.grant(id)
      if (state === undefined) throw new Error('no grant')
      return await broker.end(state, cause, AGENT, request())
    },
  }
}
