import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { brokerFlags, nonEmpty, outputFlag } from '../flags.ts'

const id = { placeholder: 'id', parse: nonEmpty, brief: 'Id of the request' } as const
const common = { ...brokerFlags, output: outputFlag } as const

const list = command({
  run: () => import('./list.ts'),
  parameters: {
    flags: {
      status: {
        kind: 'enum',
        values: ['pending', 'approved', 'open', 'all'],
        default: 'pending',
        brief: 'Which requests; open is pending and approved',
      },
      mine: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Only requests that you could decide',
      },
      scope: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'name',
        brief: 'Only requests for this scope',
      },
      env: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'environment',
        brief: 'Only requests in this environment',
      },
      before: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'id',
        brief: 'Only requests older than this one',
      },
      ...common,
    },
  },
  docs: {
    brief: 'List requests that wait for people, the newest first',
    examples: ['credctl approval list'],
  },
})

const show = command({
  run: () => import('./show.ts'),
  parameters: { flags: common, positional: { kind: 'tuple', parameters: [id] } },
  docs: {
    brief: 'Show one request: who asks for what, the plan in full, and what people said',
    examples: ['credctl approval show 01M7Z0MEYX8WWVJ51DGQ94P6KZ'],
  },
})

const verdictFlags = {
  reason: {
    kind: 'parsed',
    parse: nonEmpty,
    optional: true,
    placeholder: 'sentence',
    brief: 'Why; it is recorded, and some requests want one',
  },
  group: {
    kind: 'parsed',
    parse: nonEmpty,
    optional: true,
    placeholder: 'name',
    brief: 'Group that you speak for; the first that still needs somebody when absent',
  },
  plan: {
    kind: 'parsed',
    parse: nonEmpty,
    optional: true,
    placeholder: 'digest',
    brief: 'Plan that you looked at; what is shown now when absent',
  },
  ...common,
} as const

const several = {
  flags: verdictFlags,
  positional: { kind: 'array', parameter: id, minimum: 1, maximum: 100 },
} as const

const approve = command({
  run: async () => ({ default: (await import('./decide.ts')).approve }),
  parameters: several,
  docs: {
    brief: 'Approve requests: never your own, only for a group you are a member of',
    examples: ['credctl approval approve 01M7Z0MEYX8WWVJ51DGQ94P6KZ'],
  },
})

const deny = command({
  run: async () => ({ default: (await import('./decide.ts')).deny }),
  parameters: several,
  docs: {
    brief: 'Deny requests: one denial is enough',
    examples: ['credctl approval deny 01M7Z0MEYX8WWVJ51DGQ94P6KZ'],
  },
})

export const approvalRoutes = buildRouteMap({
  routes: { list, show, approve, deny },
  docs: { brief: 'Approvals: requests that wait for a person' },
})
