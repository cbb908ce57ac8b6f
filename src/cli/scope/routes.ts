import { buildRouteMap } from '@stricli/core'
import { CALLER_CLASSES } from '../../identity/caller.ts'
import { command } from '../command.ts'
import {
  configFlag,
  environmentFlag,
  lintFormatFlag,
  nonEmpty,
  outputFlag,
  pair,
  parametersFlag,
  scopesFlag,
} from '../flags.ts'
import { GIVES } from './new/gives.ts'

const name = { placeholder: 'name', parse: nonEmpty, brief: 'Name of the scope' } as const

const text = { kind: 'parsed', parse: nonEmpty, optional: true } as const

/** A name becomes a file: nothing that leads elsewhere is one. */
const slugName = { ...name, parse: scopeName } as const

function scopeName(given: string): string {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(given) && given.length <= 63) return given
  throw new SyntaxError('expected lower-case letters, digits and single hyphens')
}

const list = command({
  run: () => import('./list.ts'),
  parameters: { flags: { scopes: scopesFlag, output: outputFlag } },
  docs: {
    brief: 'List the task scopes of a directory',
    examples: ['credctl scope list', "credctl scope list --output json | jq -r '.scopes[].name'"],
  },
})

const show = command({
  run: () => import('./show.ts'),
  parameters: {
    flags: { scopes: scopesFlag, output: outputFlag },
    positional: { kind: 'tuple', parameters: [name] },
  },
  docs: {
    brief: 'Show one task scope: who may take it, where, and what it gives',
    examples: ['credctl scope show backfill-order-totals'],
  },
})

const lint = command({
  run: () => import('./lint.ts'),
  parameters: {
    flags: { scopes: scopesFlag, config: configFlag, output: lintFormatFlag },
    positional: {
      kind: 'array',
      parameter: { placeholder: 'path', parse: nonEmpty, brief: 'Files or directories to check' },
    },
  },
  docs: {
    brief: 'Report every problem of every task scope, with its position',
    examples: [
      'credctl scope lint',
      'credctl scope lint task-scopes/count-orders.yaml',
      'credctl scope lint --output sarif > scopes.sarif',
    ],
    fullDescription:
      'Checks the given files and directories, or the directory of --scopes. With a configuration, every scope is also planned for every environment it lists. --output github prints annotations for a pull request, --output sarif what code scanners and editors read.',
  },
})

const planFlags = {
  env: environmentFlag,
  param: parametersFlag,
  scopes: scopesFlag,
  config: configFlag,
  output: outputFlag,
} as const

const plan = command({
  run: () => import('./plan.ts'),
  parameters: {
    flags: planFlags,
    positional: { kind: 'tuple', parameters: [name] },
  },
  docs: {
    brief: 'Print exactly what a scope gives in an environment: SQL, session policy, blast radius',
    examples: [
      'credctl scope plan backfill-order-totals --env staging --param ticket=ORD-481',
      'credctl scope plan deploy-web --env prod --output json',
    ],
    fullDescription:
      'Works offline, from files. A parameter without a value is planned with its name in capitals, so that a reviewer sees where it goes.',
  },
})

const simulate = command({
  run: () => import('./simulate.ts'),
  parameters: {
    flags: {
      action: {
        kind: 'parsed',
        parse: nonEmpty,
        placeholder: 'service:Action',
        brief: 'AWS action to ask about',
      },
      resource: {
        kind: 'parsed',
        parse: nonEmpty,
        default: '*',
        placeholder: 'arn',
        brief: 'Resource to ask about; * for actions without one',
      },
      target: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'name',
        brief: 'Name of the AWS target, when the scope has several',
      },
      context: {
        kind: 'parsed',
        parse: pair,
        variadic: true,
        optional: true,
        placeholder: 'key=value',
        brief: 'Condition key of the request, such as aws:SourceVpce=vpce-1',
      },
      aws: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Ask IAM as well, with the AWS credentials at hand, and compare',
      },
      ...planFlags,
    },
    positional: { kind: 'tuple', parameters: [name] },
  },
  docs: {
    brief:
      'Tell whether a credential of a scope could do one thing, which statement decides, and why',
    examples: [
      'credctl scope simulate deploy-web --env prod --action s3:DeleteObject --resource arn:aws:s3:::acme-web-prod/index.html',
    ],
    fullDescription:
      'Exits 0 when it is allowed, 1 when it is denied or hangs on a condition that was not given.',
  },
})

const diff = command({
  run: () => import('./diff.ts'),
  parameters: {
    flags: { scopes: scopesFlag, config: configFlag, output: outputFlag },
    positional: {
      kind: 'tuple',
      parameters: [
        { placeholder: 'base', parse: nonEmpty, brief: 'Directory or git revision of before' },
      ],
    },
  },
  docs: {
    brief: 'Tell a reviewer what a change of scopes gives and takes, and to whom',
    examples: ['credctl scope diff origin/main', 'credctl scope diff ../scopes-of-last-week'],
    fullDescription:
      'Compares what is compiled, not how it is written: tables and verbs, actions and resources, callers, life and limits.',
  },
})

const explain = command({
  run: () => import('./explain.ts'),
  parameters: {
    flags: { output: outputFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'code', parse: nonEmpty, brief: 'Code of a refusal or reason' }],
    },
  },
  docs: {
    brief: 'Say what a code means, and what whoever met it can do',
    examples: ['credctl scope explain prod_for_agent_or_local'],
  },
})

const create = command({
  run: () => import('./new/new.ts'),
  parameters: {
    flags: {
      owner: { ...text, placeholder: 'team', brief: 'Team that reviews changes to it' },
      description: { ...text, placeholder: 'sentence', brief: 'What the task does and why' },
      caller: { kind: 'enum', values: CALLER_CLASSES, optional: true, brief: 'Who may take it' },
      issuer: { ...text, placeholder: 'name', brief: 'Issuer of their identity tokens' },
      claim: {
        kind: 'parsed',
        parse: pair,
        variadic: true,
        optional: true,
        placeholder: 'name=value',
        brief: 'Claim that must equal; once for each',
      },
      env: { ...text, variadic: true, placeholder: 'environment', brief: 'Once for each' },
      target: { ...text, placeholder: 'name', brief: 'What the credentials are for' },
      give: {
        kind: 'enum',
        values: GIVES,
        optional: true,
        brief: 'Only reading, or adding and changing rows, objects and messages as well',
      },
      on: {
        ...text,
        variadic: true,
        placeholder: 'table|arn',
        brief: 'Table or AWS resource; once for each',
      },
      ttl: {
        kind: 'parsed',
        parse: nonEmpty,
        default: '15m',
        placeholder: 'duration',
        brief: 'Life of a grant',
      },
      scopes: scopesFlag,
      config: configFlag,
      output: outputFlag,
    },
    positional: { kind: 'tuple', parameters: [slugName] },
  },
  docs: {
    brief: 'Write a first version of a task scope, by asking on a terminal or from flags',
    examples: [
      'credctl scope new count-orders',
      "credctl scope new count-orders --owner team-orders --description 'Count the orders of a month.' --caller agent --issuer agents --claim team=orders --env staging --target orders-db --give read --on public.orders",
    ],
    fullDescription:
      'Checks it against the configuration before anything is written, and never writes over a file. No template deletes: that is added by hand, and seen in review.',
  },
})

export const scopeRoutes = buildRouteMap({
  routes: { list, show, new: create, lint, plan, simulate, diff, explain },
  docs: { brief: 'Task scopes: what one kind of task may touch' },
})
