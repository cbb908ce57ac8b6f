import type { LoweredClass } from '../../client/grant.ts'
import { CredctlError } from '../../errors.ts'
import type { BrokerFlag, OutputFlag, ParametersFlag } from '../flags.ts'
import type { TaskFlags } from '../task-flags.ts'

export type ExecFlags = BrokerFlag &
  OutputFlag &
  ParametersFlag & {
    readonly scope?: string
    readonly env?: string
    readonly intent?: string
    readonly grant?: string
    readonly callerClass?: LoweredClass
    readonly databaseUrl: boolean
    readonly dryRun: boolean
  }

/** The flags of a command that starts a task. Error: `usage` when they name none. */
export function startingFlags(flags: ExecFlags): ExecFlags & TaskFlags {
  const { scope, env } = flags
  if (scope !== undefined && env !== undefined) return { ...flags, scope, env }
  throw new CredctlError('usage', 'no task is named', {
    hint: 'Give --scope and --env to start one, or --grant for one that is held already.',
  })
}
