import { destination, pino } from 'pino'
import { createApp } from './api/app.ts'
import { createRateLimits } from './api/rate-limits.ts'
import { listen } from './api/server.ts'
import { Broker } from './broker.ts'
import { systemClock, systemRandom, ulid } from './clock.ts'
import type { Config } from './config.ts'
import { openConsole } from './console/open.ts'
import { createDeferralCodes, deferralKey } from './identity/deferral.ts'
import { createGrantTokens } from './identity/grant-token.ts'
import { createProofNonces, nonceKey } from './identity/nonce.ts'
import { createProofVerifier } from './identity/proof.ts'
import { createVerifier } from './identity/verify.ts'
import { announce } from './ledger/key-change.ts'
import type { OpenLedger } from './ledger/open.ts'
import { openLedger } from './ledger/open.ts'
import { catalogueLoaded, keysLoaded } from './ledger/record.ts'
import { ORPHAN_AFTER_MS } from './lifecycle/sweep.ts'
import { createMetrics, watchIssuers } from './metrics.ts'
import { requireCatalog } from './scope/catalog.ts'
import { openSecrets } from './secrets.ts'
import { evidenceOf, startSlack } from './start/approvals.ts'
import { startErasing } from './start/erasing.ts'
import { startExports } from './start/exports.ts'
import { mintsOf } from './start/mints.ts'
import { openPublisher, startPublishing } from './start/publishing.ts'
import type { Here, Surroundings } from './start/surroundings.ts'
import { startUpkeep } from './start/upkeep.ts'
import { startLeaseWatch } from './start/vault-leases.ts'

export type { Surroundings } from './start/surroundings.ts'

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
    ...{ opened: openedLedger, published: publisher.log, resolve },
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
  opened.push(startErasing(config.privacy, { ledger, openings: ledger.openings }, here))
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
