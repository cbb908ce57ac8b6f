import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pino } from 'pino'
import { requireConfig } from '../../src/config.ts'
import { type RunningBroker, startBroker } from '../../src/main.ts'
import type { PostgresCredential } from '../../src/mint/mint.ts'
import { planScope } from '../../src/plan/plan.ts'
import { loadCatalog } from '../../src/scope/catalog.ts'
import { type StandInSts, startSts } from '../../test/support/sts.ts'
import { configText } from './config.ts'
import { type Databases, startDatabases } from './databases.ts'
import { freePort } from './free-port.ts'
import { type Issuers, startIssuers } from './issuers.ts'

/** Everything the tour needs, all of it real but AWS, for which a stand-in answers. */
export interface World {
  readonly url: string
  readonly directory: string
  readonly configFile: string
  readonly databases: Databases
  readonly sts: StandInSts
  readonly tokens: Readonly<Record<'agent' | 'ci' | 'pullRequest' | 'operator', string>>
  requestGrant(token: string, task: Task): Promise<Grant | Refusal>
  fetchCredential(grant: Grant, target: string): Promise<Answer>
  postgresCredential(grant: Grant, target: string): Promise<PostgresCredential>
  endGrant(grant: Grant): Promise<{ readonly ok: boolean; readonly text: string }>
  /** Writes fresh identity tokens to files, for the commands a reader may try. */
  writeTokens(): Promise<void>
  close(): Promise<void>
}

export interface Task {
  readonly scope: string
  readonly environment: string
  readonly intent: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface Grant {
  readonly id: string
  readonly token: string
  readonly expiresIn: number
  /** The blast radius in words. */
  readonly reach: string
}

export interface Refusal {
  readonly reasons: readonly string[]
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
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
    await writeFile(configFile, configText({ url, directory, issuers, databases }))
    await prepareRoles(configFile, scopes, databases)
    const broker = await startTourBroker(configFile, scopes, sts)
    closers.push(() => broker.close())
    const tokens = await identities(issuers)
    return {
      url,
      directory,
      configFile,
      databases,
      sts,
      tokens,
      ...client(url),
      writeTokens: async () => writeTokenFiles(directory, await identities(issuers)),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function startTourBroker(
  config: string,
  scopes: string,
  sts: StandInSts,
): Promise<RunningBroker> {
  return await startBroker(await requireConfig(config), scopes, {
    logger: pino({ level: 'silent' }),
    sweepEveryMs: 250,
    aws: {
      endpoint: sts.endpoint,
      credentials: { accessKeyId: 'AKIDTOUR', secretAccessKey: 'only-for-the-stand-in' },
    },
  })
}

/** What owners and DBAs do once: delegate in staging, apply reviewed group roles in prod. */
async function prepareRoles(configFile: string, scopes: string, databases: Databases) {
  const config = await requireConfig(configFile)
  const loaded = await loadCatalog(scopes)
  if (!loaded.ok) throw new Error('the example scopes do not load')
  for (const { scope } of loaded.catalog.scopes.values()) {
    for (const name of scope.environments) {
      const environment = config.environments.get(name)
      if (environment === undefined) continue
      const parameters = Object.fromEntries(
        Object.keys(scope.parameters).map((key) => [key, 'ORD-1']),
      )
      const planned = planScope(scope, environment, parameters)
      const plan = planned.ok ? planned.plan.targets['orders-db'] : undefined
      if (plan?.kind !== 'postgres') continue
      if (name === 'prod') await databases.apply(databases.prod, plan)
      else await databases.delegate(databases.staging, plan)
    }
  }
}

async function identities(issuers: Issuers): Promise<World['tokens']> {
  const job = { repository_id: '81234568', repository_owner_id: '9919', event_name: 'push' }
  const main = { ...job, ref: 'refs/heads/main', environment: 'production' }
  const fork = { ...job, event_name: 'pull_request', ref: 'refs/pull/7/merge' }
  const [agent, ci, pullRequest, operator] = await Promise.all([
    issuers.agent({ sub: 'agent:run-4711', team: 'orders' }),
    issuers.ci({ sub: 'repo:acme@9919/web@81234568:environment:production', ...main }),
    issuers.ci({ sub: 'repo:acme@9919/web@81234568:pull_request', ...fork }),
    issuers.person({ sub: 'operator-1', role: 'platform-operator' }),
  ])
  return { agent, ci, pullRequest, operator }
}

async function writeTokenFiles(directory: string, tokens: World['tokens']): Promise<void> {
  for (const [name, token] of Object.entries(tokens)) {
    await writeFile(join(directory, `${name}.jwt`), token, { mode: 0o600 })
  }
}

function client(url: string) {
  const withToken = (token: string) => ({ authorization: `Bearer ${token}` })
  return {
    async requestGrant(token: string, task: Task): Promise<Grant | Refusal> {
      const response = await fetch(`${url}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: token,
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          authorization_details: JSON.stringify([{ type: 'credctl_task', ...task }]),
        }),
      })
      return grantOf(await response.json())
    },
    async fetchCredential({ token }: Grant, target: string): Promise<Answer> {
      const headers = withToken(token)
      const response = await fetch(`${url}/v1/credentials/${target}`, { headers })
      return { status: response.status, body: await response.json() }
    },
    async postgresCredential({ token }: Grant, target: string): Promise<PostgresCredential> {
      const headers = withToken(token)
      const response = await fetch(`${url}/v1/credentials/${target}`, { headers })
      if (!response.ok) throw new Error(`no credential: ${await response.text()}`)
      return await response.json()
    },
    async endGrant({ id, token }: Grant) {
      const headers = withToken(token)
      const response = await fetch(`${url}/v1/grants/${id}`, { method: 'DELETE', headers })
      const { revocations = [] } = await response.json()
      const texts = revocations.map(describeRevocation)
      return { ok: response.ok, text: texts.join('\n') || `${response.status}` }
    },
  }
}

function describeRevocation(each: {
  target: string
  outcome: string
  expires_at?: string
}): string {
  if (each.outcome === 'gone') return `${each.target}: sessions ended, login dropped`
  if (each.outcome === 'expires')
    return `${each.target}: cannot be fetched again, expires ${each.expires_at}`
  return `${each.target}: ${each.outcome}`
}

interface TokenBody {
  readonly access_token?: string
  readonly expires_in?: number
  readonly reasons?: readonly { readonly message: string }[]
  readonly error_description?: string
  readonly authorization_details?: readonly {
    readonly grant: string
    readonly blast_radius: {
      readonly tables: number
      readonly tablesBy: Record<string, number>
      readonly resources: { named: number; wildcard: number }
    }
  }[]
}

function grantOf(body: TokenBody): Grant | Refusal {
  const [details] = body.authorization_details ?? []
  if (body.access_token === undefined || details === undefined) {
    const reasons = body.reasons?.map(({ message }) => message) ?? [
      body.error_description ?? 'refused',
    ]
    return { reasons }
  }
  const { tables, tablesBy, resources } = details.blast_radius
  const changed = (tablesBy['insert'] ?? 0) + (tablesBy['update'] ?? 0) + (tablesBy['delete'] ?? 0)
  const aws = resources.named + resources.wildcard
  return {
    id: details.grant,
    token: body.access_token,
    expiresIn: body.expires_in ?? 0,
    reach: `${tables} tables (${changed} can change), ${aws} AWS resources`,
  }
}
