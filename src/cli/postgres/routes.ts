import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { configFlag, environmentFlag, nonEmpty, outputFlag, scopesFlag } from '../flags.ts'

const target = { placeholder: 'target', parse: nonEmpty, brief: 'Name of the target' } as const
const positional = { kind: 'tuple', parameters: [target] } as const

const place = {
  env: environmentFlag,
  scopes: scopesFlag,
  config: configFlag,
  output: outputFlag,
} as const

const login = {
  user: {
    kind: 'parsed',
    parse: nonEmpty,
    optional: true,
    placeholder: 'name',
    brief: 'Login that runs the statements: a DBA, not the broker',
  },
  password: {
    kind: 'parsed',
    parse: nonEmpty,
    optional: true,
    placeholder: 'reference',
    brief: 'Where its password is: file:PATH or env:NAME, never the password',
  },
} as const

const setup = command({
  run: () => import('./setup.ts'),
  parameters: { flags: place, positional },
  docs: {
    brief: 'Print the SQL that makes the role of the broker and delegates tables to it',
    examples: ['credctl postgres setup orders-db --env staging'],
  },
})

const apply = command({
  run: () => import('./apply.ts'),
  parameters: {
    flags: {
      digest: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'sha256:…',
        brief: 'Run the statements that have this digest: the reviewed ones',
      },
      ...login,
      ...place,
    },
    positional,
  },
  docs: {
    brief: 'Print the group roles of every scope for review, then create exactly those',
    examples: [
      'credctl postgres apply orders-db --env prod',
      'credctl postgres apply orders-db --env prod --digest sha256:6d0c… --user dba --password env:DBA_PASSWORD',
    ],
    fullDescription:
      'For targets where a DBA or CI grants the tables. The first run prints statements and their digest; the second, with --digest, --user and --password, runs them in one transaction if they are still the same.',
  },
})

const harden = command({
  run: () => import('./harden.ts'),
  parameters: {
    flags: {
      apply: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Run the script, in one transaction',
      },
      undo: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'The script that puts back what hardening took',
      },
      ...login,
      ...place,
    },
    positional,
  },
  docs: {
    brief: 'Print the script that takes from PUBLIC what no login of the broker should have',
    examples: ['credctl postgres harden orders-db --env prod'],
  },
})

export const postgresRoutes = buildRouteMap({
  routes: { setup, apply, harden },
  docs: { brief: 'What a DBA does for a PostgreSQL target: prepare, grant, harden' },
})
