import { command } from '../command.ts'
import { callerClassFlag } from '../flags.ts'
import { taskFlags } from '../task-flags.ts'

export const execCommand = command({
  run: () => import('./exec.ts'),
  parameters: {
    flags: {
      ...taskFlags,
      callerClass: callerClassFlag,
      databaseUrl: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Set DATABASE_URL as well, with the password in it',
      },
    },
    positional: {
      kind: 'array',
      parameter: { placeholder: 'command', parse: String, brief: 'Command and its arguments' },
    },
  },
  docs: {
    brief: 'Run a command under a grant of its own, and end the grant with it',
    fullDescription:
      'The command sees the credentials of the grant and no other: PostgreSQL through PGHOST and its kin, PGPASSFILE and PGSERVICEFILE, AWS through the container-credentials variables. Its exit status is kept, signals reach it, and the grant ends however it ends.',
    customUsage: ['--scope name --env environment [--param name=value]... -- command...'],
  },
})
