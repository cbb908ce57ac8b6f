import { command } from '../command.ts'
import { configFlag, outputFlag, scopesFlag } from '../flags.ts'

export const serveCommand = command({
  run: () => import('./serve.ts'),
  parameters: { flags: { scopes: scopesFlag, config: configFlag, output: outputFlag } },
  docs: {
    brief: 'Run the broker',
    examples: [
      'credctl serve',
      'credctl serve --config /etc/credctl/credctl.yaml --scopes /etc/credctl/task-scopes',
    ],
    fullDescription:
      'Serves until SIGTERM or SIGINT. SIGHUP puts changed task scopes in force; when one of them has a problem, the ones of before stay. Without a ledger in the configuration, runs a PostgreSQL of its own.',
  },
})

export const migrateCommand = command({
  run: () => import('./migrate.ts'),
  parameters: { flags: { config: configFlag, output: outputFlag } },
  docs: {
    brief: "Bring the schema of the ledger's database up to date",
    examples: ['credctl migrate'],
    fullDescription:
      "Connects as the ledger's owner, which the running broker never does. Safe to run again, and at the same time as another one.",
  },
})
