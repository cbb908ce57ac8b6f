import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { configFlag, lintFormatFlag, nonEmpty, outputFlag, scopesFlag } from '../flags.ts'

const all = command({
  run: () => import('./all.ts'),
  parameters: { flags: { scopes: scopesFlag, config: configFlag, output: outputFlag } },
  docs: {
    brief: 'Check everything that serve will need',
    examples: [
      'credctl doctor all',
      `credctl doctor all --output json | jq '.results[] | select(.status != "ok")'`,
    ],
    fullDescription:
      'Configuration, scopes, secrets, the ledger, keys of issuers, databases of targets. Changes nothing and prints no secret.',
  },
})

const issuers = command({
  run: () => import('./issuers.ts'),
  parameters: { flags: { config: configFlag, output: outputFlag } },
  docs: { brief: 'Check the keys and clocks of the issuers', examples: ['credctl doctor issuers'] },
})

const envFlag = {
  kind: 'parsed',
  parse: nonEmpty,
  optional: true,
  placeholder: 'environment',
  brief: 'Only in this environment',
} as const

const oneTarget = {
  kind: 'tuple',
  parameters: [
    {
      placeholder: 'target',
      parse: nonEmpty,
      optional: true,
      brief: 'Name of a target; every one otherwise',
    },
  ],
} as const

const aws = command({
  run: () => import('./aws.ts'),
  parameters: {
    flags: { env: envFlag, config: configFlag, output: outputFlag },
    positional: oneTarget,
  },
  docs: {
    brief: 'Try the role of each AWS target, and print what fixes each finding',
    examples: ['credctl doctor aws --env staging', 'credctl doctor aws exports --env staging'],
    fullDescription:
      'Run it with the AWS credentials of the broker. Makes sessions that can do nothing: to get in with tags and source identity, for an hour, and to be refused as an agent in production.',
  },
})

const postgres = command({
  run: () => import('./postgres.ts'),
  parameters: {
    flags: {
      env: envFlag,
      scopes: scopesFlag,
      config: configFlag,
      output: outputFlag,
    },
    positional: oneTarget,
  },
  docs: {
    brief: 'Run the preflight of every plan, and print the statement that fixes each finding',
    examples: ['credctl doctor postgres --env prod'],
  },
})

const workspace = command({
  run: () => import('../workspace/workspace.ts'),
  parameters: {
    flags: {
      scopes: scopesFlag,
      config: configFlag,
      home: {
        kind: 'boolean',
        default: true,
        brief: 'Look at the credential files of the home directory as well',
      },
      accept: {
        kind: 'parsed',
        parse: nonEmpty,
        variadic: true,
        optional: true,
        placeholder: 'fingerprint',
        brief: 'A find that is known and no secret; once for each',
      },
      output: lintFormatFlag,
    },
    positional: {
      kind: 'array',
      parameter: { placeholder: 'dir', parse: nonEmpty, brief: 'Directories to look through' },
    },
  },
  docs: {
    brief: 'Find long-lived secrets that an agent could read, and the scope that replaces each',
    examples: [
      'credctl doctor workspace',
      'credctl doctor workspace --no-home --output github',
      'credctl doctor workspace --accept 3c6dec098c78 src',
    ],
    fullDescription:
      'Looks through the given directories, or the current one, and at the files of the home directory in which tools keep credentials. Files that git ignores are looked at too: an agent reads them. Exits 1 when there is one, and never prints it.',
  },
})

export const doctorRoutes = buildRouteMap({
  routes: { all, aws, issuers, postgres, workspace },
  defaultCommand: 'all',
  docs: { brief: 'Find out what would keep the broker from working, and the remedy' },
})
