import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { configFlag, environmentFlag, nonEmpty, outputFlag, scopesFlag } from '../flags.ts'

const target = { placeholder: 'target', parse: nonEmpty, brief: 'Name of the target' } as const

const setup = command({
  run: () => import('./setup.ts'),
  parameters: {
    flags: {
      server: {
        kind: 'enum',
        values: ['mariadb', 'mysql'],
        brief: 'Which of the two it is: one privilege has another name',
      },
      env: environmentFlag,
      scopes: scopesFlag,
      config: configFlag,
      output: outputFlag,
    },
    positional: { kind: 'tuple', parameters: [target] },
  },
  docs: {
    brief: 'Print the SQL that lets Vault make logins there, and nothing else',
    examples: ['credctl mysql setup orders-db --env staging --server mysql'],
  },
})

export const mysqlRoutes = buildRouteMap({
  routes: { setup },
  docs: { brief: 'What a DBA does for a MySQL or MariaDB target' },
})
