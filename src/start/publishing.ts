import type { Config } from '../config.ts'
import { openCheckpoint } from '../ledger/checkpoint.ts'
import type { OpenLedger } from '../ledger/open.ts'
import { every } from '../lifecycle/timer.ts'
import type { Metrics } from '../metrics.ts'
import { Publisher } from '../publish/publish.ts'
import { createPublishMetrics, watchPublisher } from '../publish/publish-metrics.ts'
import type { Here } from './surroundings.ts'

/** Refuses a database that is older than what an anchor remembers of it. */
export async function openPublisher(
  config: Config,
  { ledger, logKeys }: OpenLedger,
  { registry }: Metrics,
  { clock, env, s3, logger }: Here,
): Promise<Publisher> {
  const counters = createPublishMetrics(registry)
  const publisher = new Publisher({
    config,
    log: ledger.log,
    published: ledger.published,
    exclusively: (task, run) => ledger.exclusively(task, run),
    open: (signed) => openCheckpoint(signed, logKeys),
    now: () => clock.now(),
    environment: env,
    ...(s3 && { s3 }),
    onWitnessFailure: (witness, why) => {
      counters.witnessFailures.inc({ witness, why })
      const isFork = why === 'remembers_otherwise' || why === 'proof_refused'
      logger[isFork ? 'error' : 'warn']({ witness, why }, 'a witness gave no cosignature')
    },
    onAnchorFailure: (anchor, err) => {
      counters.anchorFailures.inc({ anchor })
      logger.warn({ anchor, err }, 'an anchor did not answer')
    },
  })
  await publisher.check()
  watchPublisher(registry, publisher, () => clock.now())
  return publisher
}

/** Beside requests: each witness round and each anchor at its own pace. */
export async function startPublishing(
  { witnessing, anchorings }: Publisher,
  { publishEveryMs, logger }: Here,
): Promise<() => Promise<void>> {
  await witnessing?.begin()
  const failed = (err: unknown) => logger.error({ err }, 'publishing failed')
  const rounds = [...(witnessing === undefined ? [] : [witnessing]), ...anchorings]
  const timers = rounds.map((each) => every(publishEveryMs, () => each.round(), failed))
  return async () => {
    await Promise.all(timers.map((timer) => timer.stop()))
  }
}
