import { destination, type Logger, pino } from 'pino'
import { createApp } from './api/app.ts'
import { createRateLimits } from './api/rate-limits.ts'
import { listen } from './api/server.ts'
import { Broker } from './broker.ts'
import { type Clock, type Random, systemClock, systemRandom, ulid } from './clock.ts'
import type { Privacy } from './config/privacy.ts'
import type { Config } from './config.ts'
import { openConsole } from './console/open.ts'
import type { Target } from './environment/environment.ts'
import { CredctlError } from './errors.ts'
import { GithubReviews } from './github/reviews.ts'
import { createDeferralCodes, deferralKey } from './identity/deferral.ts'
import { createGrantTokens } from './identity/grant-token.ts'
import { createProofNonces, nonceKey } from './identity/nonce.ts'
import { createProofVerifier } from './identity/proof.ts'
import { createVerifier } from './identity/verify.ts'
import { openCheckpoint } from './ledger/checkpoint.ts'
import { announce } from './ledger/key-change.ts'
import { type OpenLedger, openLedger } from './ledger/open.ts'
import type { Openings } from './ledger/openings.ts'
import { catalogueLoaded, keysLoaded } from './ledger/record.ts'
import { irrevocableWatch } from './lifecycle/irrevocable.ts'
import type { Parts } from './lifecycle/revocation.ts'
import { ORPHAN_AFTER_MS, Sweep } from './lifecycle/sweep.ts'
import { every } from './lifecycle/timer.ts'
import {
  collectGroupRoles,
  patrolTargets,
  reconcileTargets,
  type UpkeepParts,
} from './lifecycle/upkeep.ts'
import { createMetrics, type Metrics, watchIssuers } from './metrics.ts'
import type { Mint } from './mint/mint.ts'
import { Mints } from './mint/mints.ts'
import { postgresMint } from './mint/postgres/mint.ts'
import { type StsParts, stsMint } from './mint/sts/mint.ts'
import { stsPace } from './mint/sts/pace.ts'
import { VaultAwsMint } from './mint/vault/aws.ts'
import { vaultMysqlMint } from './mint/vault/mysql.ts'
import { vaultPostgresMint } from './mint/vault/postgres.ts'
import type { S3Place } from './publish/anchor-s3.ts'
import { exportersOf } from './publish/export/configured.ts'
import { createExportMetrics, watchExports } from './publish/export/export-metrics.ts'
import { HeadWatch } from './publish/head-watch.ts'
import { Publisher } from './publish/publish.ts'
import { createPublishMetrics, watchPublisher } from './publish/publish-metrics.ts'
import { requireCatalog } from './scope/catalog.ts'
import type { SecretsManagerPlace } from './secret/aws-sm.ts'
import { parsePrivateKey } from './secret/private-key.ts'
import { openSecrets, type Secrets } from './secrets.ts'
import { openSlack } from './slack/open.ts'
import type { SlackDesk } from './slack/slack.ts'
import { countIrrevocableLeases } from './vault/lease.ts'
import type { Vault } from './vault/vault.ts'

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

export interface RunningBroker {
  /** Where it listens. */
  readonly host: string
  readonly port: number
  /** The log's public key: all that verifying it needs (C2SP signed-note). */
  readonly vkey: string
  /** Puts the scope files in force as they are now. On any problem the old ones stay, whole. */
  reload(): Promise<void>
  /** Takes no more requests, finishes those that run, closes everything it opened. */
  close(): Promise<void>
}

/**
 * The composition root: the only place that reads the environment and builds adapters. Fails
 * closed: anything unreadable at start means no broker. The caller closes it.
 */
export async function startBroker(
  config: Config,
  scopes: string,
  surroundings: Surroundings = {},
): Promise<RunningBroker> {
  const opened: (() => Promise<void>)[] = []
  const close = async () => {
    for (const closeOne of opened.splice(0).reverse()) await closeOne()
  }
  try {
    return { ...(await start(config, scopes, withDefaults(surroundings), opened)), close }
  } catch (error) {
    await close()
    throw error
  }
}

function withDefaults(surroundings: Surroundings) {
  return {
    clock: systemClock,
    random: systemRandom,
    logger: pino({ name: 'credctl' }, destination({ dest: 2, sync: true })),
    env: process.env,
    sweepEveryMs: 1_000,
    reconcileEveryMs: 60_000,
    publishEveryMs: 2_000,
    orphanAfterMs: ORPHAN_AFTER_MS,
    ...surroundings,
  }
}
type Here = ReturnType<typeof withDefaults>

async function start(
  config: Config,
  scopes: string,
  here: Here,
  opened: (() => Promise<void>)[],
): Promise<Omit<RunningBroker, 'close'>> {
  const { clock, random, logger } = here
  const secrets = openSecrets(config, here.env, here.secretsManager)
  opened.push(() => secrets.close())
  const { resolve } = secrets
  const held = { catalog: await requireCatalog(scopes) }
  const catalog = () => held.catalog

  const openedLedger = await openLedger(config, { clock, resolve })
  const { ledger, signer, keys } = openedLedger
  opened.push(openedLedger.close)
  const metrics = createMetrics()
  const publisher = await openPublisher(config, openedLedger, metrics, here)
  const mints = mintsOf(config, here, secrets)
  opened.push(() => mints.close())

  const { environments, url, issuers } = config
  const { privacy, approvals: policy } = config
  const parts = { catalog, environments, ledger, mints, privacy, policy, clock, random }
  const broker = new Broker({ ...parts, ...evidenceOf(config, resolve, logger) })
  const { replay } = ledger
  const verifier = createVerifier(issuers, { clock, replay, resolve })
  watchIssuers(metrics, () => verifier.keys())
  const nonces = createProofNonces(nonceKey(keys.token.reveal()), clock)
  const proofs = createProofVerifier({ clock, replay, nonces })
  const deferrals = createDeferralCodes(deferralKey(keys.token.reveal()))
  const former = keys.formerTokens.map((key) => key.reveal())
  const tokenKeys = [keys.token.reveal(), ...former] as const
  const grantTokens = await createGrantTokens({ url, keys: tokenKeys, clock })
  const api = {
    url,
    broker,
    verifier,
    proofs,
    grantTokens,
    deferrals,
    ledger,
    log: publisher.log,
    openings: ledger.openings,
    catalog,
  }

  const console = openConsole(config, {
    ...{ broker, catalog, metrics, verifier, logger, clock, random },
    ...{ opened: openedLedger, resolve },
  })

  const slack = startSlack(config, openedLedger, broker, resolve, here)
  opened.push(slack.stop)

  const reload = async () => {
    const next = await requireCatalog(scopes)
    const occasion = { request: ulid(clock, random), now: clock.now() }
    await ledger.append(catalogueLoaded(occasion, next))
    held.catalog = next
  }
  await reload()
  const tokens = grantTokens.jwks.keys.map(({ kid = '' }) => kid)
  await recordKeys(config, openedLedger, tokens, here)
  opened.push(await startPublishing(publisher, here))
  opened.push(startUpkeep(parts, broker, metrics, here))
  opened.push(startLeaseWatch(secrets.vault, metrics, here))
  opened.push(startErasing(config.privacy, ledger.openings, here))
  opened.push(await startExports(config, { ledger, keys, resolve, metrics }, here))
  const server = await listen(
    createApp({
      ...api,
      ...(console === undefined ? {} : { console }),
      ...(slack.desk === undefined ? {} : { slack: slack.desk }),
      ...{ metrics, limits: createRateLimits(), logger, clock, random },
    }),
    config.listen,
  )
  opened.push(() => server.stop())
  return { host: server.host, port: server.port, vkey: signer.vkey, reload }
}

/** The history of keys is in the log itself, so that a change shows to whoever verifies it. */
async function recordKeys(
  { keys }: Config,
  { ledger, signer }: OpenLedger,
  tokens: readonly string[],
  { clock, random }: Here,
): Promise<void> {
  const next = keys?.next_log
  const occasion = { request: ulid(clock, random), now: clock.now() }
  const announced = next === undefined ? {} : { next: announce(signer, next) }
  await ledger.append(keysLoaded(occasion, { log: signer.vkey, tokens, ...announced }))
}

/** Refuses a database that is older than what an anchor remembers of it. */
async function openPublisher(
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
async function startPublishing(
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

/** Where there is a Vault: whether it has leases that it cannot end. */
function startLeaseWatch(
  vault: Vault | undefined,
  { irrevocableLeases }: Metrics,
  { logger, reconcileEveryMs }: Here,
): () => Promise<void> {
  if (vault === undefined) return async () => undefined
  const look = irrevocableWatch({
    count: () => countIrrevocableLeases(vault),
    onCount: (count) => irrevocableLeases.set(count),
    onFound: (count) => logger.error({ count }, 'Vault has leases that it cannot end'),
    onFailure: (err) => logger.warn({ err }, 'leases that Vault cannot end are not counted'),
  })
  const timer = every(reconcileEveryMs, look, (err) => logger.error({ err }, 'upkeep failed'))
  return () => timer.stop()
}

/** One mint for each target; none of them connects before its first use. */
function mintsOf(config: Config, here: Here, secrets: Secrets): Mints {
  const pace = stsPace()
  const entries = [...config.environments.values()].flatMap((environment) =>
    Object.entries(environment.targets).map(([name, target]): [string, string, Mint] => [
      environment.name,
      name,
      mintOf(target, here, secrets, pace),
    ]),
  )
  return new Mints(entries)
}

function mintOf(
  target: Target,
  { clock, random, aws }: Here,
  { resolve, vault }: Secrets,
  pace: ReturnType<typeof stsPace>,
): Mint {
  if (target.kind === 'postgres') return postgresMint(target, { resolve, clock, random })
  if (target.kind === 'aws') {
    const client = aws === undefined ? {} : { client: aws }
    return stsMint(target, { clock, random, pace, ...client })
  }
  if (vault === undefined) throw new CredctlError('config_invalid', 'there is no section vault')
  if (target.kind === 'vault_aws') return new VaultAwsMint(target, { vault, clock })
  return target.kind === 'vault_mysql'
    ? vaultMysqlMint(target, { vault, clock })
    : vaultPostgresMint(target, { vault, clock, resolve })
}

/** Where people may already have agreed to what a job of theirs is about to do. */
function evidenceOf(
  { github }: Config,
  resolve: Secrets['resolve'],
  logger: Logger,
): { readonly evidence?: GithubReviews } {
  if (github === undefined) return {}
  const onFailure = (err: unknown) => logger.warn({ err }, 'reviews could not be read')
  return { evidence: new GithubReviews(github, resolve, onFailure) }
}

/** Requests for approval go to Slack from one replica at a time; buttons are pressed at any. */
function startSlack(
  { slack: config, url }: Config,
  { ledger }: OpenLedger,
  { approvals }: Broker,
  resolve: Secrets['resolve'],
  { clock, random, logger, sweepEveryMs, slackApi }: Here,
): { readonly desk?: SlackDesk; readonly stop: () => Promise<void> } {
  if (config === undefined) return { stop: async () => undefined }
  const { poster, desk } = openSlack(config, {
    ...{ url, approvals, resolve, clock },
    log: ledger.log,
    cursors: ledger.exportCursors,
    holder: ulid(clock, random),
    ...(slackApi === undefined ? {} : { api: slackApi }),
    onFailure: (err) => logger.warn({ err }, 'Slack is behind'),
  })
  const timer = every(Math.min(500, sweepEveryMs), () => poster.round(), failed(logger))
  return { desk, stop: () => timer.stop() }
}

/** Carries entries to receivers, and watches the head of the log. Nothing waits for either. */
async function startExports(
  config: Config,
  parts: Pick<OpenLedger, 'ledger' | 'keys'> & Pick<Secrets, 'resolve'> & { metrics: Metrics },
  { clock, random, logger, sweepEveryMs }: Here,
): Promise<() => Promise<void>> {
  const { ledger, keys, resolve, metrics } = parts
  const stop = new AbortController()
  const counters = createExportMetrics(metrics.registry)
  const exporters = await exportersOf(config.exports, {
    log: ledger.log,
    cursors: ledger.exportCursors,
    clock,
    resolve,
    holder: ulid(clock, random),
    logKey: parsePrivateKey(keys.log, 'the key of the log'),
    stopped: stop.signal,
    onFailure: (name, why, err) => {
      if (stop.signal.aborted) return
      counters.failures.inc({ export: name, why })
      logger.warn({ export: name, why, err }, 'an export is behind')
    },
  })
  const now = () => clock.now()
  watchExports(metrics.registry, exporters, now)
  const head = new HeadWatch(ledger.log, metrics.registry, now)
  const timers = [
    ...exporters.map((each) => every(sweepEveryMs, () => each.round(), failed(logger))),
    every(10 * sweepEveryMs, () => head.round(), failed(logger)),
  ]
  return async () => {
    stop.abort()
    await Promise.all(timers.map((timer) => timer.stop()))
  }
}

/** Erases values behind commitments when the time that the operator gave them is over. */
function startErasing(
  { retention }: Privacy,
  openings: Openings,
  { clock, logger, reconcileEveryMs }: Here,
): () => Promise<void> {
  if (retention === undefined) return async () => undefined
  const erase = async () => {
    const erased = await openings.eraseBefore(new Date(clock.now().getTime() - retention))
    if (erased > 0) logger.info({ erased }, 'values past their retention erased')
  }
  const timer = every(10 * reconcileEveryMs, erase, failed(logger))
  return () => timer.stop()
}

function failed(logger: Logger) {
  return (err: unknown) => logger.error({ err }, 'upkeep failed')
}

/** Requests that nobody approved in time, put on the record by one replica. */
async function endOverdue({ ledger, clock, random }: Overdue, broker: Broker): Promise<void> {
  await ledger.exclusively('approvals', () => broker.approvals.expire(ulid(clock, random)))
}
type Overdue = Parts & Pick<UpkeepParts, 'random'>

/** What runs beside requests: ending what is over, watching sessions, comparing with targets. */
function startUpkeep(
  parts: Parts & Pick<UpkeepParts, 'catalog' | 'environments' | 'random'>,
  broker: Broker,
  metrics: Metrics,
  { logger, sweepEveryMs, orphanAfterMs, reconcileEveryMs }: Here,
): () => Promise<void> {
  const report = (event: object, text: string) => logger.warn(event, text)
  const sweep = new Sweep({
    ...parts,
    orphanAfterMs,
    onPending: ({ id, handle }, code, tries) => {
      metrics.revocationRetries.inc({ kind: handle.kind, code })
      report({ credential: id, code, tries }, 'a revocation is not finished')
    },
    onBacklog: ({ credentials, oldestSeconds }) => {
      metrics.unfinished.set(credentials)
      metrics.oldestUnfinished.set(oldestSeconds)
    },
  })
  const upkeep: UpkeepParts = {
    ...parts,
    onReconciled: (place, { dropped, unknown, missing, failed }) => {
      const counts = { dropped, unknown, missing, failed }
      for (const [outcome, found] of Object.entries(counts)) {
        metrics.reconciled.inc({ outcome }, found.length)
      }
      if (Object.values(counts).every((found) => found.length === 0)) return
      report({ ...place, dropped, unknown, missing, failed }, 'target and ledger differed')
    },
    onCollected: (place, dropped) => report({ ...place, dropped }, 'unused group roles dropped'),
    onUnreachable: (place, err) => report({ ...place, err }, 'a target could not be looked at'),
  }
  const onFailure = failed(logger)
  const timers = [
    every(sweepEveryMs, async () => void (await sweep.round()), onFailure),
    every(sweepEveryMs, () => endOverdue(parts, broker), onFailure),
    every(sweepEveryMs, () => patrolTargets(upkeep), onFailure),
    every(reconcileEveryMs, () => reconcileTargets(upkeep), onFailure),
    every(60 * reconcileEveryMs, () => collectGroupRoles(upkeep), onFailure),
    every(sweepEveryMs, async () => broker.prune(), onFailure),
  ]
  return async () => {
    await Promise.all(timers.map((timer) => timer.stop()))
  }
}
