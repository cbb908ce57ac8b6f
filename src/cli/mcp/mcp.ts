import { readFile } from 'node:fs/promises'
import type { LoweredClass } from '../../client/grant.ts'
import { CredctlError } from '../../errors.ts'
import { brokerUrl } from '../broker/address.ts'
import { connectionTo } from '../broker/grant.ts'
import { identityToken } from '../broker/identity.ts'
import { type Cli, EXIT } from '../cli.ts'
import { refuseToNest } from '../exec/nesting.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { readPrivateFile } from '../private-file.ts'
import { note } from '../terminal.ts'
import { Tasks } from './tasks.ts'
import { createServer } from './tools.ts'

type Flags = BrokerFlag &
  OutputFlag & {
    readonly callerClass: LoweredClass
    readonly port?: number
    readonly tokenFile?: string
  }

/** `credctl mcp`: tasks for an agent, over the Model Context Protocol. Ends its tasks when it ends. */
export default async function mcp(cli: Cli, flags: Flags): Promise<number> {
  const { env } = cli.process
  refuseToNest(env)
  const broker = brokerUrl(cli, flags)
  const identity = () => identityToken(cli, flags, broker)
  const tasks = new Tasks({ env, broker, identity, report: (problem) => note(cli, problem) })
  const { callerClass } = flags
  const version = await packageVersion()
  const create = () =>
    createServer({ version, connection: connectionTo(broker), identity, callerClass, tasks })
  const stop = stopped()
  try {
    if (flags.port === undefined) await serveStdio(create, stop)
    else await serveHttp(cli, flags, flags.port, create, stop)
    return EXIT.ok
  } finally {
    await tasks.endAll()
  }
}

type Create = () => ReturnType<typeof createServer>

/** The client's end of the pipe is the end of the session. */
async function serveStdio(create: Create, stop: Promise<void>): Promise<void> {
  const stdio = await import('@modelcontextprotocol/server/stdio')
  const closed = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => resolve())
  })
  const handle = stdio.serveStdio(create)
  await Promise.race([closed, stop])
  await handle.close()
}

async function serveHttp(
  cli: Cli,
  { tokenFile }: Flags,
  port: number,
  create: Create,
  stop: Promise<void>,
): Promise<void> {
  const token = await tokenOf(tokenFile)
  const http = await import('./http.ts')
  const server = await http.serveHttp(port, token, create)
  note(cli, `serving the Model Context Protocol at http://127.0.0.1:${port}/mcp`)
  await stop
  server.close()
  server.closeAllConnections()
}

const MIN_TOKEN = 32

/** Whoever has this token starts tasks as us. */
async function tokenOf(file: string | undefined): Promise<string> {
  const hint = `Write at least ${MIN_TOKEN} random characters into a file of mode 0600 and name it with --token-file.`
  if (file === undefined) throw new CredctlError('usage', '--port needs --token-file', { hint })
  const token = (await readPrivateFile(file))?.trim() ?? ''
  if (token.length >= MIN_TOKEN && /^[A-Za-z0-9._~+/=-]+$/.test(token)) return token
  throw new CredctlError('usage', `${file} holds no token of this length`, { hint })
}

function stopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, () => resolve())
  })
}

async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8')
  return String(JSON.parse(text).version)
}
