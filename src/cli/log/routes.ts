import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { brokerFlags, configFlag, nonEmpty, outputFlag } from '../flags.ts'

const { broker } = brokerFlags

const source = {
  placeholder: 'source',
  parse: nonEmpty,
  optional: true,
  brief: "URL or directory of a log; the broker's own otherwise",
} as const

const key = {
  kind: 'parsed',
  parse: nonEmpty,
  variadic: true,
  placeholder: 'key',
  brief: 'Public key of the log, or a file with it; once for each key',
} as const

function filter(what: string, placeholder: string) {
  return { kind: 'parsed', parse: nonEmpty, optional: true, placeholder, brief: what } as const
}

function moment(what: string) {
  return { kind: 'parsed', parse: time, optional: true, placeholder: 'time', brief: what } as const
}

function time(text: string): Date {
  const date = new Date(text)
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(date.getTime())) return date
  throw new SyntaxError('expected a date or a time such as 2026-01-31T12:00:00Z')
}

function place(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new SyntaxError('expected the number of an entry')
}

const verify = command({
  run: () => import('./verify.ts'),
  parameters: {
    flags: {
      key: { ...key, optional: true },
      policy: filter('File of logs and witnesses to trust (C2SP tlog-policy)', 'file'),
      anchor: {
        ...filter('Checkpoints kept elsewhere: file:PATH, git:DIR or s3://BUCKET/PREFIX', 'place'),
        variadic: true,
      },
      scopes: filter('Reviewed scopes: a directory, or REVISION:DIR of this repository', 'dir'),
      config: filter("The broker's configuration: its witnesses, anchors, environments", 'file'),
      resume: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Go on where an interrupted verification stopped',
      },
      broker,
      output: outputFlag,
    },
    positional: { kind: 'tuple', parameters: [source] },
  },
  docs: {
    brief:
      'Verify a whole log: signature, every entry, its past, and what the entries say together',
    examples: [
      'credctl log verify https://credctl.example.com/log --key log.vkey',
      'credctl log verify copy --key log.vkey',
    ],
    fullDescription:
      'Needs the public key of the log and nothing else: neither the word of the broker nor its database. The head of a log that verified is remembered, so that a log which changes its past is found.',
  },
})

const show = command({
  run: () => import('./show.ts'),
  parameters: {
    flags: {
      grant: filter('Only entries of this grant', 'id'),
      caller: filter('Only grants of this subject', 'subject'),
      scope: filter('Only grants of this scope', 'name'),
      env: filter('Only grants in this environment', 'environment'),
      target: filter('Only entries about this target', 'name'),
      kind: filter('Only entries of this kind', 'kind'),
      since: moment('Only entries from this time on'),
      until: moment('Only entries before this time'),
      follow: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Keep printing entries as they come',
      },
      broker,
      output: outputFlag,
    },
    positional: { kind: 'tuple', parameters: [source] },
  },
  docs: {
    brief: 'Print entries of a log; with --output json one JSON object a line',
    examples: [
      'credctl log show --grant 01M7Z0MEYX8WWVJ51DGQ94P6KZ',
      'credctl log show copy --env prod --since 2026-03-01 --kind grant.decided',
    ],
  },
})

const receipt = command({
  run: () => import('./receipt.ts'),
  parameters: {
    flags: { ...brokerFlags, output: outputFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'grant', parse: nonEmpty, brief: 'Id of the grant' }],
    },
  },
  docs: {
    brief: 'Print proofs that the entries of a grant are in the log',
    examples: ['credctl log receipt 01M7Z0MEYX8WWVJ51DGQ94P6KZ --output json > receipts.json'],
  },
})

const verifyReceipt = command({
  run: () => import('./verify-receipt.ts'),
  parameters: {
    flags: {
      key: { ...key, optional: true },
      policy: filter('File of logs and witnesses to trust (C2SP tlog-policy)', 'file'),
      output: outputFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'file', parse: nonEmpty, brief: 'Answer of log receipt' }],
    },
  },
  docs: {
    brief: 'Verify receipts offline, with the key of the log alone',
    examples: ['credctl log verify-receipt receipts.json --key log.vkey'],
  },
})

const open = command({
  run: () => import('./open.ts'),
  parameters: {
    flags: { ...brokerFlags, output: outputFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'index', parse: place, brief: 'Number of the entry' }],
    },
  },
  docs: {
    brief: 'Print the values that an entry commits to, proven against it; for auditors',
    examples: ['credctl log open 17'],
  },
})

const erase = command({
  run: () => import('./erase.ts'),
  parameters: {
    flags: { ...brokerFlags, output: outputFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'grant', parse: nonEmpty, brief: 'Id of the grant' }],
    },
  },
  docs: {
    brief: 'Make the values that entries of a grant commit to unreadable for good; for operators',
    examples: ['credctl log erase 01M7Z0MEYX8WWVJ51DGQ94P6KZ'],
  },
})

const exportEntries = command({
  run: () => import('./export.ts'),
  parameters: {
    flags: {
      format: {
        kind: 'enum',
        values: ['tiles', 'jsonl', 'cloudevents', 'ocsf', 'dsse'],
        default: 'tiles',
        brief: 'tiles for a copy that verifies; the others are one entry a line',
      },
      to: filter('Directory of the copy, or file to append to; standard output otherwise', 'path'),
      cursor: filter('File that keeps where the next run goes on', 'file'),
      signingKey: filter('Ed25519 private key (PEM) for --format dsse', 'file'),
      broker,
      output: outputFlag,
    },
    positional: { kind: 'tuple', parameters: [source] },
  },
  docs: {
    brief: 'Copy a log into a directory, or write its entries for other programs',
    examples: ['credctl log export https://credctl.example.com/log --to copy'],
    fullDescription:
      'A second run into the same directory, or with the same cursor, adds what is new. A run that is killed repeats some entries the next time and leaves none out: origin and index name an entry for ever.',
  },
})

const printPolicy = command({
  run: () => import('./policy.ts'),
  parameters: { flags: { config: configFlag, output: outputFlag } },
  docs: {
    brief: 'Print the log and its witnesses as a policy (C2SP tlog-policy) for readers',
    examples: ['credctl log policy > log.policy'],
  },
})

const printKey = command({
  run: () => import('./key.ts'),
  parameters: { flags: { config: configFlag, output: outputFlag } },
  docs: {
    brief: 'Print the public key of the log, for everybody who verifies it',
    examples: ['credctl log key > log.vkey'],
  },
})

export const logRoutes = buildRouteMap({
  routes: {
    verify,
    show,
    receipt,
    'verify-receipt': verifyReceipt,
    open,
    erase,
    export: exportEntries,
    key: printKey,
    policy: printPolicy,
  },
  docs: { brief: 'The log of every decision and credential' },
})
