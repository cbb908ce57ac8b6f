import { once } from 'node:events'
import { requireConfig } from '../../config.ts'
import { type RunningBroker, startBroker } from '../../main.ts'
import { type Cli, EXIT } from '../cli.ts'
import { reportFailure } from '../failure.ts'
import type { ConfigFlag, OutputFlag, ScopesFlag } from '../flags.ts'
import type { ServeOutput } from '../output/serve.ts'
import { note } from '../terminal.ts'
import { requirePackages } from './packages.ts'

type Flags = ScopesFlag & ConfigFlag & OutputFlag

/** `credctl serve`: a broker until SIGTERM or SIGINT; SIGHUP puts changed scopes in force. */
export default async function serve(cli: Cli, flags: Flags): Promise<number> {
  const config = await requireConfig(flags.config)
  requirePackages(config)
  const stopped = firstSignal('SIGTERM', 'SIGINT')
  const broker = await startBroker(config, flags.scopes)
  const onHangUp = () => void reload(cli, flags, broker)
  process.on('SIGHUP', onHangUp)
  announce(cli, flags, { url: config.url, host: broker.host, port: broker.port })
  const signal = await stopped
  note(cli, `${signal}: finishing what runs, then stopping`)
  process.off('SIGHUP', onHangUp)
  await broker.close()
  return EXIT.ok
}

/** A second signal finds no handler any more, and ends the process at once. */
async function firstSignal(...signals: readonly NodeJS.Signals[]): Promise<string> {
  const waiting = new AbortController()
  const first = await Promise.race(
    signals.map(async (signal) => {
      await once(process, signal, { signal: waiting.signal })
      return signal
    }),
  )
  waiting.abort()
  return first
}

function announce(cli: Cli, flags: OutputFlag, value: ServeOutput): void {
  const { url, host, port } = value
  note(cli, `serving ${url} on ${host.includes(':') ? `[${host}]` : host}:${port}`)
  if (flags.output === 'json') cli.process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** A catalogue with a problem changes nothing: the reviewed one stays in force, whole. */
async function reload(cli: Cli, { scopes }: Flags, broker: RunningBroker): Promise<void> {
  try {
    await broker.reload()
    note(cli, `${scopes} is in force as it is now`)
  } catch (error) {
    reportFailure(cli, { output: 'text' }, error)
    note(cli, 'the scopes of before stay in force')
  }
}
