import { basename } from 'node:path'
import { type HeldGrant, requestGrant } from '../../client/grant.ts'
import { brokerUrl } from '../broker/address.ts'
import { connectionTo, endGrant } from '../broker/grant.ts'
import { identityToken } from '../broker/identity.ts'
import type { Cli } from '../cli.ts'
import { parametersOf } from '../flags.ts'
import type { TaskFlags } from '../task-flags.ts'
import { note } from '../terminal.ts'
import type { Delivery } from './delivery.ts'
import type { Changes } from './dry-run/changes.ts'
import { commandEnvironment } from './environment.ts'
import { type ExecFlags, startingFlags } from './flags.ts'
import { refuseToNest } from './nesting.ts'
import { createPrivateDirectory, type PrivateDirectory } from './private-directory.ts'
import { commandOf, Signals } from './signals.ts'
import { pendingLine, statusLine } from './status.ts'
import { startWatch } from './watch.ts'

/**
 * `credctl exec --scope S --env E -- CMD`: runs a command under a grant of its own. However the
 * command or this process ends, the grant ends and the files are removed.
 */
export default async function exec(
  cli: Cli,
  given: ExecFlags,
  ...argv: readonly string[]
): Promise<number> {
  const { env } = cli.process
  refuseToNest(env)
  const command = commandOf(argv)
  const { grant: held } = given
  if (held !== undefined) {
    const { execUnder } = await import('./under.ts')
    return await execUnder(cli, { ...given, grant: held }, command)
  }
  const flags = startingFlags(given)
  const broker = brokerUrl(cli, flags)
  const task = taskOf(flags, command[0])
  const signals = new Signals()
  const asked = requestGrant(connectionTo(broker), () => identityToken(cli, flags, broker), task, {
    onPending: (pending) => note(cli, pendingLine(pending)),
    signal: signals.early,
  }).catch((error: unknown) => {
    if (signals.early.aborted) return signals.earlyStatus
    throw error
  })
  // Loaded while the broker decides.
  const [grant, { deliver }] = await Promise.all([asked, import('./delivery.ts')])
  if (typeof grant === 'number') return grant
  const watch = startWatch(env, broker, grant)
  let directory: PrivateDirectory | undefined
  let delivery: Delivery | undefined
  try {
    directory = await createPrivateDirectory(env)
    watch.clean(directory.path)
    delivery = await deliver(connectionTo(broker), grant, directory, {
      databaseUrl: flags.databaseUrl,
      dryRun: flags.dryRun,
      report: (problem) => note(cli, problem),
    })
    note(cli, statusLine(task, grant))
    return await signals.run(command, commandEnvironment(env, delivery.environment))
  } finally {
    if (delivery?.changes !== undefined) await reportChanges(cli, delivery.changes())
    delivery?.close()
    const [isRemoved, isEnded] = await Promise.all([
      directory === undefined || remove(cli, directory),
      end(cli, broker, grant),
    ])
    // What could not be done is left to the watcher, which tries for longer.
    if (isRemoved && isEnded) watch.done()
    signals.release()
  }
}

async function reportChanges(cli: Cli, changes: ReadonlyMap<string, Changes>): Promise<void> {
  const { changeLines } = await import('./dry-run/databases.ts')
  for (const line of changeLines(changes)) note(cli, `dry run: ${line}`)
}

/** Only the command's name goes into the log: its arguments may hold anything. */
function taskOf(flags: ExecFlags & TaskFlags, file: string) {
  return {
    ...(flags.callerClass === undefined ? {} : { callerClass: flags.callerClass }),
    scope: flags.scope,
    environment: flags.env,
    intent: flags.intent ?? `credctl exec ${basename(file)}`,
    parameters: parametersOf(flags),
  }
}

async function remove(cli: Cli, directory: PrivateDirectory): Promise<boolean> {
  try {
    await directory.remove()
    return true
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    note(cli, `${directory.path} could not be removed (${why})`)
    return false
  }
}

/** Ends the grant; tells what is not gone at once, and whether that is somebody's business. */
async function end(
  cli: Cli,
  broker: string,
  { id, token, expiresAt }: HeldGrant,
): Promise<boolean> {
  try {
    for (const { target, outcome } of await endGrant(broker, token, id)) {
      if (outcome === 'denied') note(cli, `${target}: denied; AWS may take minutes to hold to it`)
      if (outcome === 'expires') note(cli, `${target}: the credential stays valid until it expires`)
      if (outcome === 'pending') note(cli, `${target}: the broker is still revoking the credential`)
    }
    return true
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    note(cli, `grant ${id} could not be ended (${why}): it expires at ${expiresAt.toISOString()}`)
    return false
  }
}
