import type { TreeHead } from '../checkpoint.ts'

/** Whose memory of a log a head comes from. */
export interface Memory {
  readonly kind: 'remembered' | 'witnesses' | 'anchor'
  /** For people: `this machine`, the name of an anchor. */
  readonly name: string
}

/** A head of the log that somebody saw before, and whose past must not have changed. */
export interface SeenHead extends TreeHead {
  /** Which log it is of; absent where only one can be meant. */
  readonly origin?: string
  readonly by?: Memory
  /** When it was seen, by a clock that is not the log's own. */
  readonly time?: Date
}

/** ` (anchor archive)`, to say behind a message who remembers. */
export function seenBy({ by }: SeenHead): string {
  return by === undefined ? '' : ` (${by.kind === 'anchor' ? `anchor ${by.name}` : by.name})`
}
