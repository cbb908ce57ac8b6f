import type { Opening } from './commitment.ts'

/**
 * The values behind commitments, beside the log and never in it: erasing one makes its value
 * unreadable for everybody and leaves every hash of the log as it is. Errors: `ledger_unavailable`.
 */
export interface Openings {
  /** Durable before the entry is that needs them. */
  keep(grant: string, openings: readonly Opening[], at: Date): Promise<void>
  /** Of these grants and requests, all that is left. */
  of(grants: readonly string[]): Promise<ReadonlyMap<string, readonly Opening[]>>
  /** Erases what was kept before this time and no grant or request needs. Gives their number. */
  eraseBefore(time: Date): Promise<number>
  /** Erases all of one grant or request. Gives their number; undefined while it needs them. */
  eraseOf(grant: string): Promise<number | undefined>
}
