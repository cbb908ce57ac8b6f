import { basename } from 'node:path'
import { CredctlError } from '../../errors.ts'
import { brokerUrl } from '../broker/address.ts'
import {
  endGrant,
  fetchCredential,
  type HeldGrant,
  type LoweredClass,
  requestGrant,
} from '../broker/grant.ts'
import { identityToken } from '../broker/identity.ts'
import type { Cli } from '../cli.ts'
import { parametersOf } from '../flags.ts'
import type { TaskFlags } from '../task-flags.ts'
import { note } from '../terminal.ts'
import { deliverAws } from './aws.ts'
import { commandEnvironment } from './environment.ts'
import { databaseOf, databaseUrlOf, deliverDatabases } from './postgres.ts'
import { createPrivateDirectory, type PrivateDirectory } from './private-directory.ts'
import { commandOf, Signals } from './signals.ts'
import { startWatch } from './watch.ts'

type Flags = TaskFlags & {
  readonly databaseUrl: boolean
  readonly callerClass?: LoweredClass
}

/**
 * `credctl exec --scope S --env E -- CMD`: runs a command under a grant of its own. However the
 * command or this process ends, the grant ends and the files are removed.
 */
export default async function exec(
  cli: Cli,
  flags: Flags,
  ...argv: readonly string[]
): Promise<number> {
  const { env } = cli.process
  refuseToNest(env)
  const command = commandOf(argv)
  const broker = brokerUrl(cli, flags)
  const task = taskOf(flags, command[0])
  const identity = await identityToken(cli, flags, broker)

  const signals = new Signals()
  const grant = await requestGrant(broker, identity, task, flags.callerClass)
  const watch = startWatch(env, broker, grant)
  let directory: PrivateDirectory | undefined
  try {
    directory = await createPrivateDirectory(env)
    watch.clean(directory.path)
    const given = await deliver(broker, grant, directory, flags)
    note(cli, statusLine(task, grant))
    return await signals.run(command, commandEnvironment(env, given))
  } finally {
    const [isRemoved, isEnded] = await Promise.all([
      directory === undefined || remove(cli, directory),
      end(cli, broker, grant),
    ])
    // What could not be done is left to the watcher, which tries for longer.
    if (isRemoved && isEnded) watch.done()
    signals.release()
  }
}

function refuseToNest(env: NodeJS.ProcessEnv): void {
  if (env['CREDCTL_GRANT'] === undefined) return
  throw new CredctlError('usage', `this command already runs under grant ${env['CREDCTL_GRANT']}`, {
    hint: 'Grants do not nest: one task has one scope. End the outer exec first.',
  })
}

/** Only the command's name goes into the log: its arguments may hold anything. */
function taskOf(flags: TaskFlags, file: string) {
  return {
    scope: flags.scope,
    environment: flags.env,
    intent: flags.intent ?? `credctl exec ${basename(file)}`,
    parameters: parametersOf(flags),
  }
}

async function deliver(
  broker: string,
  grant: HeldGrant,
  directory: PrivateDirectory,
  { databaseUrl }: Flags,
): Promise<Record<string, string>> {
  const { id, token, targets } = grant
  const databases = await Promise.all(
    targets
      .filter(({ kind }) => kind === 'postgres')
      .map(async ({ name }) => databaseOf(name, await fetchCredential(broker, token, name))),
  )
  const accounts = targets.filter(({ kind }) => kind === 'aws')
  return {
    ...(await deliverDatabases(databases, directory)),
    ...(databaseUrl ? databaseUrlOf(databases) : {}),
    ...(await deliverAws({ broker, token, targets: accounts }, directory)),
    CREDCTL_BROKER: broker,
    CREDCTL_GRANT: id,
    CREDCTL_GRANT_TOKEN_FILE: await directory.write('grant-token', token),
  }
}

function statusLine(
  { scope, environment }: { readonly scope: string; readonly environment: string },
  { id, targets, expiresAt, blastRadius }: HeldGrant,
): string {
  const names = targets.map(({ name, kind }) => `${name} (${kind})`).join(', ')
  const resources = blastRadius.object('resources')
  const reach = [
    ...counted(blastRadius.integer('tables'), 'table'),
    ...counted(resources.integer('named') + resources.integer('wildcard'), 'AWS resource'),
  ]
  const until = expiresAt.toISOString().slice(11, 19)
  return `${scope} in ${environment}: ${names}; ${reach.join(', ')}; until ${until}Z; grant ${id}`
}

function counted(count: number, what: string): string[] {
  if (count === 0) return []
  return [`${count} ${what}${count === 1 ? '' : 's'}`]
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
