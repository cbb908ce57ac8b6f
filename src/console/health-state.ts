import { isCredctlError } from '../errors.ts'
import type { KeySetState } from '../identity/key-set.ts'
import type { ConsoleParts } from './console.ts'
import { type LogState, logState } from './log-state.ts'

/** How the broker is, as this replica sees it. */
export interface HealthState {
  /** Why nothing can be recorded now; undefined when it can. */
  readonly ledger: string | undefined
  /** Undefined when the log cannot be read or verified. */
  readonly log: LogState | undefined
  readonly issuers: Readonly<Record<string, KeySetState>>
  /** Credentials of ended grants that are not known to be gone. */
  readonly unfinished: number
  readonly oldestSeconds: number
  readonly retries: number
  /** Logins at targets that were not as the ledger has them, since this replica started. */
  readonly differing: number
}

export async function healthState(parts: ConsoleParts): Promise<HealthState> {
  const { ledger, verifier, metrics } = parts
  const { unfinished: left, oldestUnfinished, revocationRetries, reconciled } = metrics
  const [unfinished, oldest, retries, differing] = await Promise.all(
    [left, oldestUnfinished, revocationRetries, reconciled].map(sumOf),
  )
  return {
    ledger: await words(() => ledger.ready()),
    log: await logState(parts).catch(ofOurs),
    issuers: verifier.keys(),
    unfinished: unfinished ?? 0,
    oldestSeconds: oldest ?? 0,
    retries: retries ?? 0,
    differing: differing ?? 0,
  }
}

async function sumOf(metric: {
  get(): Promise<{ readonly values: readonly { readonly value: number }[] }>
}): Promise<number> {
  const { values } = await metric.get()
  return values.reduce((sum, { value }) => sum + value, 0)
}

/** The code alone: what failed inside is for the broker's log. */
async function words(attempt: () => Promise<void>): Promise<string | undefined> {
  try {
    await attempt()
    return undefined
  } catch (error) {
    if (isCredctlError(error)) return error.code.replaceAll('_', ' ')
    throw error
  }
}

function ofOurs(error: unknown): undefined {
  if (!isCredctlError(error)) throw error
}
