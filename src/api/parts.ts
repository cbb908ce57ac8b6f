import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import type { Clock, Random } from '../clock.ts'
import type { ConsoleParts } from '../console/console.ts'
import type { DeferralCodes } from '../identity/deferral.ts'
import type { GrantTokens } from '../identity/grant-token.ts'
import type { ProofVerifier } from '../identity/proof.ts'
import type { Verifier } from '../identity/verify.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Openings } from '../ledger/openings.ts'
import type { LedgerLog } from '../ledger/reader.ts'
import type { Metrics } from '../metrics.ts'
import type { Catalog } from '../scope/catalog.ts'
import type { SlackDesk } from '../slack/slack.ts'
import type { RateLimits } from './rate-limits.ts'

/** What the HTTP layer needs. It holds no rules: it turns requests into calls and back. */
export interface ApiParts {
  /** Public base URL, from the configuration, never from a request. */
  readonly url: string
  readonly broker: Broker
  readonly verifier: Verifier
  readonly grantTokens: GrantTokens
  readonly deferrals: DeferralCodes
  readonly proofs: ProofVerifier
  readonly ledger: Ledger
  readonly log: LedgerLog
  readonly openings: Openings
  readonly catalog: () => Catalog
  readonly metrics: Metrics
  readonly limits: RateLimits
  /** The page for people, where the configuration says how they sign in. */
  readonly console?: ConsoleParts
  /** Where people press buttons, where Slack is configured. */
  readonly slack?: SlackDesk
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
}

/** What one request carries from step to step. */
export interface ApiEnv {
  Variables: {
    /** ULID of this request: in its log line, its entries and its answer. */
    request: string
  }
}
