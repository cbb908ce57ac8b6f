import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { configFlag, nonEmpty, outputFlag, scopesFlag } from '../flags.ts'

const show = command({
  run: () => import('./show.ts'),
  parameters: {
    flags: {
      at: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'time',
        brief: 'Instant to look at, such as 2026-12-24T20:00:00Z; now otherwise',
      },
      env: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'environment',
        brief: 'Only this environment',
      },
      scope: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'name',
        brief: 'As this scope would find it, with the windows it names itself',
      },
      scopes: scopesFlag,
      config: configFlag,
      output: outputFlag,
    },
  },
  docs: {
    brief: 'Show which environments are open, and when that changes',
    examples: ['credctl windows show'],
    fullDescription:
      'Reads the windows, freezes and calendars of the configuration and says what holds at an instant. Exits with 1 when the environment of --env is closed.',
  },
})

export const windowsRoutes = buildRouteMap({
  routes: { show },
  docs: { brief: 'Windows and freezes: when grants are given' },
})
