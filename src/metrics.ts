import { Counter, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What an operator watches. Labels come from closed sets: never from a token or a request. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  return {
    registry,
    decisions: new Counter({
      name: 'credctl_decisions_total',
      help: 'Decisions about authenticated callers.',
      labelNames: ['outcome', 'class', 'code'],
      registers,
    }),
    breakGlass: new Counter({
      name: 'credctl_break_glass_total',
      help: 'Requests that claimed an emergency, by what came of them. Any is worth waking somebody.',
      labelNames: ['outcome'],
      registers,
    }),
    authenticationFailures: new Counter({
      name: 'credctl_authentication_failures_total',
      help: 'Requests refused before a caller was known.',
      labelNames: ['code'],
      registers,
    }),
    credentials: new Counter({
      name: 'credctl_credentials_total',
      help: 'Credential fetches by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    wrappingReports: new Counter({
      name: 'credctl_wrapping_reports_total',
      help: 'Wrapped credentials that could not be opened, by finding; alert on taken.',
      labelNames: ['finding'],
      registers,
    }),
    revocationRetries: new Counter({
      name: 'credctl_revocation_retries_total',
      help: 'Revocations that did not finish and will be tried again.',
      labelNames: ['kind', 'code'],
      registers,
    }),
    unfinished: new Gauge({
      name: 'credctl_unfinished_credentials',
      help: 'Credentials of ended grants that are not known to be gone yet.',
      registers,
    }),
    oldestUnfinished: new Gauge({
      name: 'credctl_oldest_unfinished_seconds',
      help: 'Age of the oldest such credential; alert when it grows.',
      registers,
    }),
    irrevocableLeases: new Gauge({
      name: 'credctl_vault_irrevocable_leases',
      help: 'Leases that Vault has given up ending, of whomever; alert when not 0.',
      registers,
    }),
    reconciled: new Counter({
      name: 'credctl_reconciled_logins_total',
      help: 'Logins of ours at targets that differed from the ledger.',
      labelNames: ['outcome'],
      registers,
    }),
    requests: new Histogram({
      name: 'credctl_request_seconds',
      help: 'HTTP requests by route and status.',
      labelNames: ['route', 'status'],
      buckets: SECONDS,
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>

/** What is shown of an issuer's keys. */
interface IssuerKeys {
  readonly keys: number
  readonly failing: boolean
  readonly clockAhead: number | undefined
}

/** State of each issuer's keys, asked for when somebody scrapes. Labels are names of entries. */
export function watchIssuers(
  { registry }: Metrics,
  keys: () => Readonly<Record<string, IssuerKeys>>,
): void {
  const gauge = (name: string, help: string, of: (state: IssuerKeys) => number | undefined) =>
    new Gauge({
      name,
      help,
      labelNames: ['issuer'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [issuer, state] of Object.entries(keys())) {
          const value = of(state)
          if (value !== undefined) this.set({ issuer }, value)
        }
      },
    })
  gauge(
    'credctl_issuer_keys',
    'Keys of the issuer in use; 0 before its first token.',
    (state) => state.keys,
  )
  gauge('credctl_issuer_failing', '1 while the newest request for its keys failed.', (state) =>
    Number(state.failing),
  )
  gauge(
    'credctl_issuer_clock_ahead_seconds',
    'How far its clock is ahead of ours; tokens are refused beyond the tolerance.',
    (state) => state.clockAhead,
  )
}
