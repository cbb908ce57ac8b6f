import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pino } from 'pino'
import { type Config, requireConfig } from '../../src/config.ts'
import { type RunningBroker, startBroker } from '../../src/main.ts'
import { requireCatalog } from '../../src/scope/catalog.ts'
import { type StandInSts, startSts } from '../../test/support/sts.ts'
import { type Client, createClient } from './client.ts'
import { configText } from './config.ts'
import { type Databases, startDatabases } from './databases.ts'
import { freePort } from './free-port.ts'
import { type Issuers, startIssuers } from './issuers.ts'
import { prepareForScopes } from './shop.ts'

type Who = 'agent' | 'finops' | 'ci' | 'pullRequest' | 'operator' | 'approver'

/** Everything the tour needs, all of it real but AWS, for which a stand-in answers. */
export interface World {
  readonly url: string
  readonly directory: string
  readonly configFile: string
  readonly databases: Databases
  readonly sts: StandInSts
  readonly agentsIssuer: string
  /** The log's public key. */
  readonly vkey: string
  readonly tokens: Readonly<Record<Who, string>>
  readonly client: Client
  /** Writes fresh identity tokens to files, for the commands a reader may try. */
  writeTokens(): Promise<void>
  close(): Promise<void>
}

/** Where the tour keeps its databases and keys; made anew each time. */
const DIRECTORY = '.credctl/tour'

export async function createWorld(scopes: string): Promise<World> {
  const directory = resolve(DIRECTORY)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const url = `http://127.0.0.1:${await freePort()}`
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const issuers = await startIssuers(url)
    closers.push(() => issuers.close())
    const sts = await startSts()
    closers.push(() => sts.close())
    const databases = await startDatabases(directory)
    closers.push(() => databases.close())
    const configFile = join(directory, 'credctl.yaml')
    await writeFile(configFile, configText({ url, directory, issuers, shop: databases.shop }))
    const config = await requireConfig(configFile)
    await prepareForScopes(databases.shop, config, await requireCatalog(scopes))
    const broker = await startTourBroker(config, scopes, sts)
    closers.push(() => broker.close())
    await writeFile(join(directory, 'log.vkey'), `${broker.vkey}\n`)
    const tokens = await identities(issuers)
    return {
      url,
      directory,
      configFile,
      databases,
      sts,
      agentsIssuer: issuers.agents,
      vkey: broker.vkey,
      tokens,
      client: createClient(url),
      writeTokens: async () => writeTokenFiles(directory, await identities(issuers)),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function startTourBroker(
  config: Config,
  scopes: string,
  sts: StandInSts,
): Promise<RunningBroker> {
  return await startBroker(config, scopes, {
    logger: pino({ level: 'silent' }),
    sweepEveryMs: 250,
    aws: {
      endpoint: sts.endpoint,
      credentials: { accessKeyId: 'AKIDTOUR', secretAccessKey: 'only-for-the-stand-in' },
    },
  })
}

async function identities(issuers: Issuers): Promise<World['tokens']> {
  const job = { repository_id: '81234568', repository_owner_id: '9919', event_name: 'push' }
  const main = { ...job, ref: 'refs/heads/main', environment: 'production' }
  const fork = { ...job, event_name: 'pull_request', ref: 'refs/pull/7/merge' }
  const [agent, finops, ci, pullRequest, operator, approver] = await Promise.all([
    issuers.agent({ sub: 'agent:run-4711', team: 'orders' }),
    issuers.agent({ sub: 'agent:run-4712', team: 'finops' }),
    issuers.ci({ sub: 'repo:acme@9919/web@81234568:environment:production', ...main }),
    issuers.ci({ sub: 'repo:acme@9919/web@81234568:pull_request', ...fork }),
    issuers.person({ sub: 'operator-1', role: 'platform-operator' }),
    issuers.person({ sub: 'approver-1', role: 'orders-approver' }),
  ])
  return { agent, finops, ci, pullRequest, operator, approver }
}

async function writeTokenFiles(directory: string, tokens: World['tokens']): Promise<void> {
  for (const [name, token] of Object.entries(tokens)) {
    await writeFile(join(directory, `${name}.jwt`), token, { mode: 0o600 })
  }
}
