import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { brokerFlags, nonEmpty, outputFlag } from '../flags.ts'

const id = { placeholder: 'id', parse: nonEmpty, brief: 'Id of the grant' } as const
const common = { ...brokerFlags, output: outputFlag } as const

const list = command({
  run: () => import('./list.ts'),
  parameters: {
    flags: {
      live: { kind: 'boolean', default: false, withNegated: false, brief: 'Only live grants' },
      scope: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'name',
        brief: 'Only grants of this scope',
      },
      env: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'environment',
        brief: 'Only grants in this environment',
      },
      before: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'id',
        brief: 'Only grants older than this one',
      },
      watch: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Keep showing them as they change, until interrupted',
      },
      ...common,
    },
  },
  docs: {
    brief: 'List grants, the newest first: your own, or all for operators and auditors',
    examples: [
      'credctl grant list --live --watch',
      'credctl grant list --scope deploy-web --env prod --output json',
    ],
  },
})

const show = command({
  run: () => import('./show.ts'),
  parameters: { flags: common, positional: { kind: 'tuple', parameters: [id] } },
  docs: {
    brief: 'Show one grant: who, what for, and everything that happened under it',
    examples: ['credctl grant show 01M7Z0MEYX8WWVJ51DGQ94P6KZ'],
  },
})

const revoke = command({
  run: () => import('./revoke.ts'),
  parameters: { flags: common, positional: { kind: 'tuple', parameters: [id] } },
  docs: {
    brief: 'End a grant and every credential minted under it',
    examples: ['credctl grant revoke 01M7Z0MEYX8WWVJ51DGQ94P6KZ'],
  },
})

export const grantRoutes = buildRouteMap({
  routes: { list, show, revoke },
  docs: { brief: 'Grants: who holds which scope, and for how long' },
})
