/** A session that was ended because it exceeded a limit of its scope. */
export interface EndedSession {
  /** The grant that the login's name carries. */
  readonly grant: string | undefined
  readonly login: string
  readonly pid: number
  readonly breach: Breach
  /** How long it had lasted, or the lock it held. */
  readonly detail: string
}

export type Breach =
  | 'statement'
  | 'transaction'
  | 'idle_in_transaction'
  | 'lock_mode'
  | 'lock_wait'
  | 'lock_held'
  | 'expired'

/** A login at a target whose name is of our making. */
export interface FoundLogin {
  readonly login: string
  /** Undefined when it never expires, which no login of ours does. */
  readonly expiresAt: Date | undefined
  readonly canLogin: boolean
  readonly sessions: number
  /** The server itself records that the broker's admin created it. */
  readonly ours: boolean
}

/** What the ledger says of a login: its credential may still be used, is over, or never was. */
export type LedgerWord = 'open' | 'finished' | 'unknown'

/** The ledger as a reconciliation sees it. */
export interface LedgerView {
  readonly now: Date
  /** Logins of credentials that the ledger takes for usable. */
  readonly expected: readonly string[]
  word(login: string): Promise<LedgerWord>
}

export interface Reconciled {
  /** Ended now: over according to the ledger, or unknown to it and expired. */
  readonly dropped: readonly string[]
  /** Unknown to the ledger and not expired: an older ledger was restored, or another broker's. */
  readonly unknown: readonly FoundLogin[]
  /** Expected by the ledger but not on the server. */
  readonly missing: readonly string[]
  /** To be ended, but it did not work this time. */
  readonly failed: readonly { readonly login: string; readonly code: string }[]
}

/** What became of things that credentials shared and that no credential uses any more. */
export interface Collected {
  readonly dropped: readonly string[]
  /** Unused, but not the broker's to drop: somebody else made it, or it has privileges elsewhere. */
  readonly left: readonly { readonly group: string; readonly code: string }[]
}

/** What a target needs from time to time, whoever asks for credentials. */
export interface Upkeep {
  /** Ends the sessions that exceed a limit of their scope. */
  patrol(): Promise<readonly EndedSession[]>
  /** Compares what is at the target with the ledger, and ends what the ledger says is over. */
  reconcile(ledger: LedgerView): Promise<Reconciled>
  /**
   * Drops group roles that no login uses, except those to keep: of plans that are in force. Where
   * Vault mints, its own roles for such plans, except those to keep and those that live credentials
   * use.
   */
  collectGroups(keep: readonly string[], usedVaultRoles: readonly string[]): Promise<Collected>
}
