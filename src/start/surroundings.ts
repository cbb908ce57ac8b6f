import type { Logger } from 'pino'
import type { Clock, Random } from '../clock.ts'
import type { StsParts } from '../mint/sts/mint.ts'
import type { S3Place } from '../publish/anchor-s3.ts'
import type { SecretsManagerPlace } from '../secret/aws-sm.ts'

/** What a test, a benchmark or the tour decides instead of the machine. */
export interface Surroundings {
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where AWS STS is and as whom; the default credential chain otherwise. */
  readonly aws?: NonNullable<StsParts['client']>
  /** Where AWS Secrets Manager is and as whom. */
  readonly secretsManager?: SecretsManagerPlace
  /** Pause between two rounds of the sweep and of the watchdog; a second otherwise. */
  readonly sweepEveryMs?: number
  /** Pause between two comparisons of targets with the ledger; a minute otherwise. */
  readonly reconcileEveryMs?: number
  /** Pause between two looks for checkpoints to publish; two seconds otherwise. */
  readonly publishEveryMs?: number
  /** Where S3 is and as whom, for anchors. */
  readonly s3?: S3Place
  /** Where Slack's Web API is; Slack's own place otherwise. */
  readonly slackApi?: string
  /** Age of a credential without outcome at which its broker counts as dead; a minute otherwise. */
  readonly orphanAfterMs?: number
}

/** The same with what a test leaves to the machine. */
export type Here = Surroundings &
  Required<
    Pick<
      Surroundings,
      | 'clock'
      | 'random'
      | 'logger'
      | 'env'
      | 'sweepEveryMs'
      | 'reconcileEveryMs'
      | 'publishEveryMs'
      | 'orphanAfterMs'
    >
  >

/** What a timer does with a round that failed: the next one tries again. */
export function failed(logger: Logger) {
  return (err: unknown) => logger.error({ err }, 'upkeep failed')
}
