import type { NoteSignature, Verifier } from '../ledger/note.ts'

/** Somebody else's memory of our log: cosigns a checkpoint that continues all it saw before. */
export interface Witness {
  /** What the configuration calls it: a label of metrics. */
  readonly name: string
  /** Submission prefix (C2SP tlog-witness). */
  readonly url: string
  readonly key: Verifier
}

/** What a witness is asked: to continue from the tree it knows to this one. */
export interface Submission {
  /** Signed by the log. */
  readonly checkpoint: string
  /** Size of the tree that the witness knows; 0 when it knows none, or nobody knows. */
  readonly old: number
  /** Consistency proof from there; empty from 0. */
  readonly proof: readonly Buffer[]
}

/** Why there is no cosignature: a closed set, for metrics and logs. */
export const WITNESS_FAILURES = [
  /** No connection, or none that could be trusted. */
  'unreachable',
  'timeout',
  /** It sends us elsewhere: nobody asked it to. */
  'redirected',
  'too_large',
  /** An answer that tlog-witness does not have. */
  'malformed',
  /** Signature lines, none of them by its key. */
  'not_cosigned',
  /** A line by its key that its key did not make. */
  'forged',
  /** A cosignature of another time than now: it would vouch for the wrong moment. */
  'wrong_time',
  /** 400: it cannot read what we send. */
  'bad_request',
  /** 403: it does not know our key. */
  'key_unknown',
  /** 404: it does not know our log. */
  'log_unknown',
  /** 422: it finds our proof wrong. Its memory and our log differ. */
  'proof_refused',
  /** 409 again, after it was given what it asked for. */
  'unsettled',
  /** 409: it remembers this size with another root, or a larger size than the log has. */
  'remembers_otherwise',
  /** Any other status. */
  'refused',
] as const
export type WitnessFailure = (typeof WITNESS_FAILURES)[number]

export type WitnessAnswer =
  | { readonly outcome: 'cosigned'; readonly signature: NoteSignature; readonly time: Date }
  /** The tree it knows is of this size: prove from there. */
  | { readonly outcome: 'elsewhere'; readonly size: number }
  | { readonly outcome: 'failed'; readonly why: WitnessFailure }
