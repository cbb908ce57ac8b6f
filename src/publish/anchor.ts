import type { Checkpoint } from '../ledger/checkpoint.ts'

/** What an anchor is given: a signed checkpoint, with whatever cosignatures it has. */
export interface Anchored extends Checkpoint {
  readonly note: string
}

/** What an anchor gives back. Nothing vouches for it before its signature was verified. */
export interface Kept {
  readonly note: string
  /** When the place itself says it received it; absent where only the broker says so. */
  readonly time?: Date
}

/** What an anchor holds: the newest of it, oldest first. */
export interface Holding {
  readonly kept: readonly Kept[]
  /** Records that are damaged, as after a crash in the middle of one. */
  readonly unreadable: number
}

/**
 * A place outside the database that remembers checkpoints, and where the broker can add one but
 * take none away. How far that goes is the place's business: docs/log.md. Errors: `unavailable`.
 */
export interface Anchor {
  /** Resolves when the place has it for good. Adding the same one again does no harm. */
  put(checkpoint: Anchored): Promise<void>
  read(limit: number): Promise<Holding>
}
