import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import {
  configFlag,
  environmentFlag,
  nonEmpty,
  outputFlag,
  parametersFlag,
  scopesFlag,
} from '../flags.ts'

const name = { placeholder: 'name', parse: nonEmpty, brief: 'Name of the scope' } as const

const list = command({
  run: () => import('./list.ts'),
  parameters: { flags: { scopes: scopesFlag, output: outputFlag } },
  docs: { brief: 'List the task scopes of a directory' },
})

const show = command({
  run: () => import('./show.ts'),
  parameters: {
    flags: { scopes: scopesFlag, output: outputFlag },
    positional: { kind: 'tuple', parameters: [name] },
  },
  docs: { brief: 'Show one task scope: who may take it, where, and what it gives' },
})

const lint = command({
  run: () => import('./lint.ts'),
  parameters: {
    flags: { scopes: scopesFlag, config: configFlag, output: outputFlag },
    positional: {
      kind: 'array',
      parameter: { placeholder: 'path', parse: nonEmpty, brief: 'Files or directories to check' },
    },
  },
  docs: {
    brief: 'Report every problem of every task scope, with its position',
    fullDescription:
      'Checks the given files and directories, or the directory of --scopes. With a configuration, every scope is also planned for every environment it lists.',
  },
})

const plan = command({
  run: () => import('./plan.ts'),
  parameters: {
    flags: {
      env: environmentFlag,
      param: parametersFlag,
      scopes: scopesFlag,
      config: configFlag,
      output: outputFlag,
    },
    positional: { kind: 'tuple', parameters: [name] },
  },
  docs: {
    brief: 'Print exactly what a scope gives in an environment: SQL, session policy, blast radius',
    fullDescription:
      'Works offline, from files. A parameter without a value is planned with its name in capitals, so that a reviewer sees where it goes.',
  },
})

export const scopeRoutes = buildRouteMap({
  routes: { list, show, lint, plan },
  docs: { brief: 'Task scopes: what one kind of task may touch' },
})
