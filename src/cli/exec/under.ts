import { CredctlError } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import { findTask } from '../task/found.ts'
import { note } from '../terminal.ts'
import { commandEnvironment } from './environment.ts'
import type { ExecFlags } from './flags.ts'
import { Signals } from './signals.ts'

/**
 * `credctl exec --grant ID -- CMD`: runs a command under a task that `credctl mcp` or `credctl task
 * start` holds. The task is not ended with it.
 */
export async function execUnder(
  cli: Cli,
  flags: ExecFlags & { readonly grant: string },
  command: readonly [string, ...string[]],
): Promise<number> {
  refuseOthers(flags)
  const { env } = cli.process
  const task = await findTask(env, flags.grant)
  const signals = new Signals()
  note(cli, `under grant ${task.id} until ${task.expiresAt.toISOString().slice(11, 19)}Z`)
  try {
    return await signals.run(command, commandEnvironment(env, task.environment))
  } finally {
    signals.release()
  }
}

/** What the grant is for was said when it was started. */
function refuseOthers(flags: ExecFlags): void {
  const { scope, env, param, intent, callerClass, databaseUrl, dryRun } = flags
  const others = [scope, env, param, intent, callerClass].some((each) => each !== undefined)
  if (!others && !databaseUrl && !dryRun) return
  throw new CredctlError('usage', '--grant stands alone: it names a task that was started before')
}
