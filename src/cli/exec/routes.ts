import { command } from '../command.ts'
import { callerClassFlag, environmentFlag, nonEmpty } from '../flags.ts'
import { taskFlags } from '../task-flags.ts'

export const execCommand = command({
  run: () => import('./exec.ts'),
  parameters: {
    flags: {
      ...taskFlags,
      scope: { ...taskFlags.scope, optional: true },
      env: { ...environmentFlag, optional: true },
      grant: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'id',
        brief: 'Instead of a task of its own: one that credctl mcp or credctl task start holds',
      },
      callerClass: callerClassFlag,
      databaseUrl: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Set DATABASE_URL as well, with the password in it',
      },
      dryRun: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Roll back what the command commits, and report the rows that would have changed',
      },
    },
    positional: {
      kind: 'array',
      parameter: { placeholder: 'command', parse: String, brief: 'Command and its arguments' },
    },
  },
  docs: {
    brief: 'Run a command under a grant of its own, and end the grant with it',
    examples: [
      'credctl exec --scope backfill-order-totals --env staging --param ticket=ORD-481 -- ./backfill.sh',
      "credctl exec --scope count-orders --env dev --intent 'orders of last month' -- psql",
    ],
    fullDescription:
      'The command sees the credentials of the grant and no other: PostgreSQL through PGHOST and its kin, PGPASSFILE and PGSERVICEFILE, AWS through the container-credentials variables. Its exit status is kept, signals reach it, and the grant ends however it ends.',
    customUsage: [
      '--scope name --env environment [--param name=value]... -- command...',
      '--grant id -- command...',
    ],
  },
})
