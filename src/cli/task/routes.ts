import { buildRouteMap } from '@stricli/core'
import type { Cli } from '../cli.ts'
import { command } from '../command.ts'
import { callerClassFlag, nonEmpty, outputFlag } from '../flags.ts'
import { taskFlags } from '../task-flags.ts'

const start = command({
  run: () => import('./start.ts'),
  parameters: {
    flags: {
      ...taskFlags,
      callerClass: callerClassFlag,
      // Not --env-file: Node.js takes that for its own wherever it stands.
      shellFile: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'file',
        brief: 'Append the variables of the task to this file, as lines of a shell',
      },
    },
  },
  docs: {
    brief: 'Start a task that stays, for commands that come and go',
    examples: [
      'credctl task start --scope backfill-order-totals --env staging --param ticket=ORD-481',
    ],
    fullDescription:
      'A process in the background holds the task until it is ended or expires. Commands use it with credctl exec --grant ID, or as a shell that reads the file of --shell-file: it holds places of files and no secret. For hooks of agent runtimes; a single command is better served by credctl exec.',
  },
})

const end = command({
  run: () => import('./end.ts'),
  parameters: {
    flags: { output: outputFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'id', parse: nonEmpty, brief: 'Id of the grant' }],
    },
  },
  docs: {
    brief: 'End a task that was started with task start or by an agent',
    examples: ['credctl task end 01M7Z0MEYX8WWVJ51DGQ94P6KZ'],
  },
})

export const taskRoutes = buildRouteMap<string, Cli>({
  routes: { start, end },
  docs: { brief: 'Tasks that outlive a command' },
})
