import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { Principal } from '../access.ts'
import type { Broker } from '../broker.ts'
import type { Clock, Random } from '../clock.ts'
import type { Environment } from '../environment/environment.ts'
import type { Caller } from '../identity/caller.ts'
import type { IssuerConfig } from '../identity/issuer.ts'
import type { Sessions } from '../identity/session.ts'
import type { SignIn } from '../identity/sign-in.ts'
import type { Verifier } from '../identity/verify.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Verifier as NoteVerifier } from '../ledger/note.ts'
import type { LedgerLog } from '../ledger/reader.ts'
import type { Remembered } from '../ledger/remembered.ts'
import type { EntrySearch } from '../ledger/search.ts'
import type { Metrics } from '../metrics.ts'
import type { Catalog } from '../scope/catalog.ts'
import type { Seal } from '../secret/seal.ts'
import type { Secret } from '../secret/secret.ts'

/** What the console needs. It decides nothing: access is the table's, acts are the broker's. */
export interface ConsoleParts {
  /** Public base URL of the broker, from the configuration, never from a request. */
  readonly url: string
  readonly broker: Broker
  readonly ledger: Ledger
  readonly log: LedgerLog
  /** The log as its readers get it: with cosignatures, where there are witnesses. */
  readonly published: LedgerLog
  readonly search: EntrySearch
  readonly catalog: () => Catalog
  readonly environments: ReadonlyMap<string, Environment>
  readonly metrics: Metrics
  readonly verifier: Verifier
  readonly sessions: Sessions
  readonly signIn: SignInParts
  /** Public keys of the log, the present one first. */
  readonly logKeys: readonly [NoteVerifier, ...NoteVerifier[]]
  /** Public keys of the witnesses that the configuration knows. */
  readonly witnessKeys: readonly NoteVerifier[]
  /** What this broker remembers of the log apart from its database. */
  readonly remembered: Remembered
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
}

/** How people sign in. */
export interface SignInParts {
  readonly config: SignIn
  /** The issuer that the configuration names. */
  readonly issuer: IssuerConfig
  readonly clientSecret: () => Promise<Secret<string> | undefined>
  /** For what a browser keeps between leaving for the provider and coming back. */
  readonly seal: Seal
}

/** Somebody who is signed in, as the rules see them at this request. */
export interface Person {
  readonly caller: Caller
  readonly principal: Principal
  /** What every form of theirs must carry. */
  readonly form: string
  readonly until: Date
}

export interface ConsoleEnv {
  Variables: {
    /** ULID of this request: in its log line and its entries. */
    request: string
    person: Person
  }
}

export type ConsoleContext = Context<ConsoleEnv>

/** The door of the broker: counts failed proofs of identity by address, and closes for a while. */
export type Door = <T>(context: Context, verify: () => Promise<T>) => Promise<T>
