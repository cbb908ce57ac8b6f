import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { configText } from '../../examples/tour/config.ts'
import { freePort } from '../../examples/tour/free-port.ts'
import { type Issuers, startIssuers } from '../../examples/tour/issuers.ts'
import { openShop, prepareForScopes, type Shop } from '../../examples/tour/shop.ts'
import { type Config, requireConfig } from '../../src/config.ts'
import { type RunningBroker, type Surroundings, startBroker } from '../../src/main.ts'
import { requireCatalog } from '../../src/scope/catalog.ts'
import { createTestLedger } from './ledger-database.ts'
import type { TestPostgres } from './postgres.ts'
import { type StandInSts, startSts } from './sts.ts'

/** A whole broker over real databases, with real issuers, on a real port. */
export interface TestBroker {
  readonly url: string
  readonly config: Config
  readonly configFile: string
  readonly issuers: Issuers
  readonly shop: Shop
  readonly sts: StandInSts
  readonly running: RunningBroker
  /** Name of the ledger's database on the test file's server. */
  readonly ledgerDatabase: string
  /** Another replica over the same ledger and targets, on a port of its own. */
  replica(surroundings?: Surroundings): Promise<RunningBroker>
  close(): Promise<void>
}

export interface TestBrokerOptions extends Surroundings {
  /** Directory of scopes; the project's examples otherwise. */
  readonly scopes?: string
  /** Changes the configuration before anything starts. */
  readonly configure?: (config: Config) => Config
}

/** One line for a test: `const broker = await testBroker(postgres)`. The caller closes it. */
export async function testBroker(
  postgres: TestPostgres,
  {
    scopes = 'task-scopes',
    configure = (config) => config,
    ...surroundings
  }: TestBrokerOptions = {},
): Promise<TestBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-test-'))
  const closers = [() => rm(directory, { recursive: true, force: true })]
  const close = async () => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne()
  }
  try {
    const url = `http://127.0.0.1:${await freePort()}`
    const issuers = await startIssuers(url)
    closers.push(() => issuers.close())
    const sts = await startSts()
    closers.push(() => sts.close())
    const shop = await shopOn(postgres, directory)
    const ledger = await createTestLedger(postgres, directory)
    const configFile = join(directory, 'credctl.yaml')
    const text = configText({ url, directory, issuers, shop })
    await writeFile(configFile, JSON.stringify({ ...JSON.parse(text), ledger: ledger.config }))
    const config = configure(await requireConfig(configFile))
    await prepareForScopes(shop, config, await requireCatalog(scopes))

    const here: Surroundings = {
      logger: pino({ level: 'silent' }),
      sweepEveryMs: 50,
      aws: {
        endpoint: sts.endpoint,
        credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'x' },
      },
      ...surroundings,
    }
    const running = await startBroker(config, scopes, here)
    closers.push(() => running.close())
    const replica = async (other: Surroundings = {}) => {
      const elsewhere = { ...config, listen: { host: '127.0.0.1', port: 0 } }
      const started = await startBroker(elsewhere, scopes, { ...here, ...other })
      closers.push(() => started.close())
      return started
    }
    const { database: ledgerDatabase } = ledger
    return { url, config, configFile, issuers, shop, sts, running, ledgerDatabase, replica, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function shopOn(postgres: TestPostgres, directory: string): Promise<Shop> {
  const staging = await postgres.database('staging')
  const prod = await postgres.database('prod')
  const { host, port } = postgres
  const query = (database: string, sql: string) => postgres.pool(database).query(sql)
  const names = { staging, prod, admin: `broker_${staging}`, owner: `owner_${staging}` }
  return await openShop({ host, port, query }, names, directory)
}
