import { appendFile } from 'node:fs/promises'
import { type LoweredClass, requestGrant, type TaskRequest } from '../../client/grant.ts'
import { brokerUrl } from '../broker/address.ts'
import { connectionTo } from '../broker/grant.ts'
import { identityToken } from '../broker/identity.ts'
import { type Cli, EXIT } from '../cli.ts'
import { inheritedCredentials } from '../exec/environment.ts'
import { refuseToNest } from '../exec/nesting.ts'
import { pendingLine, statusLine } from '../exec/status.ts'
import { parametersOf } from '../flags.ts'
import type { TaskFlags } from '../task-flags.ts'
import { answer, note } from '../terminal.ts'
import { factsOf } from './facts.ts'
import { findTask } from './found.ts'
import { startHolder } from './holder-process.ts'

type Flags = TaskFlags & {
  readonly callerClass?: LoweredClass
  readonly shellFile?: string
}

/**
 * `credctl task start`: starts a task that a process in the background holds, for commands that come
 * and go: `credctl exec --grant ID -- CMD`, or a shell that reads `--shell-file`.
 */
export default async function start(cli: Cli, flags: Flags): Promise<number> {
  const { env } = cli.process
  refuseToNest(env)
  const broker = brokerUrl(cli, flags)
  const task = taskOf(flags)
  const identity = () => identityToken(cli, flags, broker)
  const grant = await requestGrant(connectionTo(broker), identity, task, {
    onPending: (pending) => note(cli, pendingLine(pending)),
  })
  await startHolder(env, broker, grant)
  if (flags.shellFile !== undefined) await tellShell(env, grant.id, flags.shellFile)
  note(cli, statusLine(task, grant))
  answer(cli, flags, factsOf(task, grant), (value) => `${value.grant}\n`)
  return EXIT.ok
}

function taskOf(flags: Flags): TaskRequest {
  return {
    scope: flags.scope,
    environment: flags.env,
    intent: flags.intent ?? 'credctl task start',
    parameters: parametersOf(flags),
    ...(flags.callerClass === undefined ? {} : { callerClass: flags.callerClass }),
  }
}

/** As lines of a POSIX shell; places of files, and no secret. */
async function tellShell(env: NodeJS.ProcessEnv, id: string, file: string): Promise<void> {
  const { environment } = await findTask(env, id)
  const names = inheritedCredentials(env).filter((name) => /^[A-Za-z_]\w*$/.test(name))
  const unset = names.map((name) => `unset ${name}\n`)
  const set = Object.entries(environment).map(
    ([name, value]) => `export ${name}=${quoted(value)}\n`,
  )
  await appendFile(file, [...unset, ...set].join(''), { mode: 0o600 })
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
