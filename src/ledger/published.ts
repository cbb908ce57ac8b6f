/** A checkpoint as it was last handed to one place: to readers, or to an anchor. */
export interface Published {
  readonly size: number
  /** The signed note, with the cosignatures it had by then. */
  readonly note: string
  readonly at: Date
}

/**
 * What all replicas of a broker know of what was published. Beside the log, not part of it: losing
 * it costs work, not evidence. Errors: `ledger_unavailable`.
 */
export interface PublishedStore {
  /** By the name of the place. */
  load(): Promise<ReadonlyMap<string, Published>>
  /** False when something larger is there already, or the log itself is smaller. */
  save(place: string, published: Published): Promise<boolean>
}
