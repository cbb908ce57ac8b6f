/** What a verification can find. Each code names one kind of damage. */
export const FINDING_CODES = [
  // the published log
  'checkpoint_invalid',
  'quorum_missing',
  'log_shrunk',
  'log_forked',
  'root_mismatch',
  'key_invalid',
  'key_unannounced',
  'bundle_missing',
  'bundle_malformed',
  'tile_missing',
  'tile_altered',
  'entry_altered',
  // one entry
  'entry_invalid',
  'time_backwards',
  'entry_backdated',
  'entry_postdated',
  // what the entries say together
  'chain_broken',
  'grant_repeated',
  'grant_unknown',
  'grant_not_allowed',
  'grant_over',
  'grant_not_ended',
  'scope_not_loaded',
  'plan_mismatch',
  'credential_repeated',
  'credential_unknown',
  'credential_finished',
  'credential_outlives_grant',
  'approval_missing',
  'approval_invalid',
  // what was reviewed says otherwise
  'scope_unreviewed',
  'decision_contradicted',
] as const
export type FindingCode = (typeof FINDING_CODES)[number]

/** With one of these the log is not, or not provably, what was signed and seen before. */
export const DAMAGE: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'checkpoint_invalid',
  'log_shrunk',
  'log_forked',
  'root_mismatch',
  'bundle_missing',
  'bundle_malformed',
  'entry_altered',
])

export interface Finding {
  readonly code: FindingCode
  /** One sentence for people. Quotes nothing of an entry but ids. */
  readonly message: string
  /** Which entry, when it is about one. */
  readonly index?: number
  /** Which file of the log, when it is about one. */
  readonly path?: string
}
