import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { type AnchorsConfig, anchorProblems, anchorsSection } from './config/anchors.ts'
import {
  type ApprovalsConfig,
  approvalProblems,
  approvalsConfig,
  approvalsSection,
} from './config/approvals.ts'
import { type ExportsConfig, exportProblems, exportsSection } from './config/exports.ts'
import {
  type GithubConfig,
  githubProblems,
  githubSection,
  REVIEWS_ISSUER,
  withReviewers,
} from './config/github.ts'
import { type Privacy, privacyProblems, privacySection } from './config/privacy.ts'
import {
  SLACK_ISSUER,
  type SlackConfig,
  slackProblems,
  slackSection,
  withSlackPeople,
} from './config/slack.ts'
import { type WitnessesConfig, witnessesSection, witnessProblems } from './config/witnesses.ts'
import type { Diagnostic, Problem } from './document/diagnostic.ts'
import { parseSource, type SourceDocument } from './document/document.ts'
import { DocumentError } from './document/error.ts'
import { fields, refuse } from './document/fields.ts'
import { slug } from './document/text.ts'
import { readCalendars } from './environment/calendars.ts'
import { databasePlace, environmentProblems } from './environment/checks.ts'
import { type Environment, environmentSchema, toEnvironment } from './environment/environment.ts'
import { postgresConnection, tlsOnlyOffOnLoopback } from './environment/postgres-connection.ts'
import { scheduleProblems, scheduleSections, schedulesOf } from './environment/schedule.ts'
import { deepFreeze } from './freeze.ts'
import { isExactUrl } from './identity/exact-url.ts'
import { type IssuerConfig, issuerProblems, issuerSchema } from './identity/issuer.ts'
import { type SignIn, signIn, signInProblems } from './identity/sign-in.ts'
import { secretReference } from './secret/reference.ts'
import { type VaultServer, vaultServer } from './vault/server.ts'

const origin = z
  .string()
  .max(200)
  .regex(/^[a-z0-9.-]+(\/[a-z0-9._-]+)*$/, 'not a log origin: a host and path without scheme')

/** Its exact text is in every grant token: a second spelling of it would be another issuer. */
const baseUrl = z
  .string()
  .max(1024)
  .transform((text, context) => {
    if (isExactUrl(text)) return text.replace(/\/+$/, '')
    const expected =
      'https://host/path in lower case without query, user or default port; http:// only on a loopback address'
    context.addIssue({ code: 'custom', message: 'not an accepted URL', params: { expected } })
    return z.NEVER
  })

const listen = z.string().superRefine((text, context) => {
  const [, port = ''] = /^(?:\[[0-9a-f:]+\]|[a-z0-9.-]+):([0-9]{1,5})$/.exec(text) ?? []
  if (port !== '' && Number(port) <= 65_535) return
  refuse(context, 'not an address to listen on', { expected: 'host:port, such as 127.0.0.1:8080' })
})

/** The ledger's database. Without it, credctl runs its own PostgreSQL under `state`. */
const ledgerDatabase = fields({
  ...postgresConnection,
  user: z.string().min(1).max(63),
  password: secretReference,
  /** Used by `credctl migrate` alone; the running broker never reads it. */
  owner: fields({ user: z.string().min(1).max(63), password: secretReference }),
}).superRefine(tlsOnlyOffOnLoopback)
export type LedgerDatabase = z.infer<typeof ledgerDatabase>

const signingKeys = fields({
  log: secretReference,
  token: secretReference,
  /** Public keys that signed this log before `log`: without them a new key does not continue it. */
  former_log: z.array(z.string().min(1).max(400)).max(20).optional(),
  /** Public key that will sign this log next: announced in the log by the present one. */
  next_log: z.string().min(1).max(400).optional(),
  /** Keys of grant tokens before `token`, for as long as their tokens live. */
  former_token: z.array(secretReference).max(5).optional(),
})

export const configSchema = fields({
  origin,
  url: baseUrl,
  listen: listen.default('127.0.0.1:8080'),
  state: z.string().min(1).max(1024).default('.credctl'),
  ledger: fields({ postgres: ledgerDatabase }).optional(),
  keys: signingKeys.optional(),
  vault: vaultServer.optional(),
  witnesses: witnessesSection.optional(),
  anchors: anchorsSection.optional(),
  privacy: privacySection.prefault({}),
  exports: exportsSection.default({}),
  issuers: z.record(slug, issuerSchema),
  console: signIn.optional(),
  approvals: approvalsSection.optional(),
  slack: slackSection.optional(),
  github: githubSection.optional(),
  ...scheduleSections,
  environments: z.record(slug, environmentSchema),
})

/** What an operator decided, checked and frozen at start. */
export interface Config {
  /** Name of the log and of its key: a URL prefix without scheme. */
  readonly origin: string
  /** Public base URL: issuer and audience of grant tokens, never taken from a request. */
  readonly url: string
  readonly listen: { readonly host: string; readonly port: number }
  /** Directory for the embedded database and generated keys. */
  readonly state: string
  readonly ledger: LedgerDatabase | undefined
  readonly keys: z.infer<typeof configSchema>['keys']
  /** Keeps secrets of the broker, or mints for it, or both. */
  readonly vault: VaultServer | undefined
  readonly witnesses: WitnessesConfig | undefined
  readonly anchors: AnchorsConfig | undefined
  readonly privacy: Privacy
  readonly exports: ExportsConfig
  readonly issuers: Readonly<Record<string, IssuerConfig>>
  /** How people sign in at the console; without it there is none. */
  readonly console: SignIn | undefined
  /** Who approves, and what has to be approved besides what autonomy levels ask for. */
  readonly approvals: ApprovalsConfig
  /** Where requests for approval are posted; nowhere without it. */
  readonly slack: SlackConfig | undefined
  /** Whose pull-request reviews count as approvals; nobody's without it. */
  readonly github: GithubConfig | undefined
  readonly environments: ReadonlyMap<string, Environment>
}

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config; readonly document: SourceDocument }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

/** Reads and checks a configuration, reporting every problem at once with its position. */
export async function loadConfig(file: string): Promise<ParsedConfig> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch {
    const expected = 'a readable UTF-8 file; credctl.example.yaml shows one'
    const message = 'the configuration cannot be read'
    return { ok: false, diagnostics: [{ file, line: 1, column: 1, message, expected }] }
  }
  return await parseConfig(file, text)
}

/** The same from its text; the file's name is where calendars are looked for, and shown. */
export async function parseConfig(file: string, text: string): Promise<ParsedConfig> {
  const parsed = parseSource(file, text, configSchema)
  if (!parsed.ok) return parsed
  const { value, document } = parsed
  const calendars = await readCalendars(value, file)
  const schedules = schedulesOf(value, calendars.calendars)
  const environments = Object.entries(value.environments).map(([name, environment]) =>
    toEnvironment(name, environment, schedules.get(name)),
  )
  const problems = [
    ...issuerProblems(value.issuers, value.url).map(below('issuers')),
    ...consoleProblems(value).map(below('console')),
    ...policyProblems(value).map(below('approvals')),
    ...(value.slack === undefined ? [] : slackProblems(Object.keys(value.issuers))),
    ...(value.github === undefined ? [] : githubProblems(value.github, value.issuers)),
    ...scheduleProblems(value),
    ...calendars.problems,
    ...environmentProblems(environments).map(below('environments')),
    ...ledgerProblems(environments, value.ledger?.postgres).map(below('environments')),
    ...vaultProblems(environments, value.vault).map(below('environments')),
    ...logKeyProblems(value.keys, value.origin).map(below('keys')),
    ...exportProblems(value.exports).map(below('exports')),
    ...privacyProblems(value.privacy).map(below('privacy')),
    ...witnessProblems(value.witnesses).map(below('witnesses')),
    ...anchorProblems(value.anchors).map(below('anchors')),
  ]
  if (problems.length > 0) {
    return { ok: false, diagnostics: problems.map((problem) => document.locate(problem)) }
  }
  const config: Config = {
    ...value,
    listen: splitListen(value.listen),
    ledger: value.ledger?.postgres,
    keys: value.keys,
    vault: value.vault,
    witnesses: value.witnesses,
    anchors: value.anchors,
    console: value.console,
    approvals: withReviewers(
      withSlackPeople(approvalsConfig(value.approvals), value.slack),
      value.github,
    ),
    github: value.github,
    slack: value.slack,
    environments: new Map(environments.map((environment) => [environment.name, environment])),
  }
  return { ok: true, config: deepFreeze(config), document }
}

/** For commands that need a working configuration: every problem in one error. */
export async function requireConfig(file: string): Promise<Config> {
  const parsed = await loadConfig(file)
  if (parsed.ok) return parsed.config
  throw new DocumentError('config_invalid', 'the configuration is not valid', parsed.diagnostics)
}

function policyProblems(value: z.output<typeof configSchema>): Problem[] {
  const known = {
    issuers: [
      ...Object.keys(value.issuers),
      ...(value.slack === undefined ? [] : [SLACK_ISSUER]),
      ...(value.github === undefined ? [] : [REVIEWS_ISSUER]),
    ],
    environments: Object.keys(value.environments),
  }
  return value.approvals === undefined ? [] : approvalProblems(value.approvals, known)
}

function consoleProblems({ console, issuers }: z.output<typeof configSchema>): Problem[] {
  return console === undefined ? [] : signInProblems(console, issuers)
}

/** A scope for the ledger's own database would give out the record of what scopes gave out. */
function ledgerProblems(
  environments: readonly Environment[],
  ledger: LedgerDatabase | undefined,
): Problem[] {
  if (ledger === undefined) return []
  return environments.flatMap(({ name, targets }) =>
    Object.entries(targets).flatMap(([target, where]): Problem[] => {
      if (!('database' in where) || databasePlace(where) !== databasePlace(ledger)) return []
      const path = [name, 'targets', target, where.kind, 'database']
      const message = `database ${databasePlace(where)} is the ledger's own`
      return [{ path, message, expected: 'another database' }]
    }),
  )
}

/** The key of another log would let that log's checkpoints pass for this one's. */
function logKeyProblems(keys: Config['keys'], origin: string): Problem[] {
  const next = keys?.next_log
  const named = [
    ...(keys?.former_log ?? []).map((key, at) => ({ key, path: ['former_log', at] })),
    ...(next === undefined ? [] : [{ key: next, path: ['next_log'] }]),
  ]
  return named.flatMap(({ key, path }): Problem[] => {
    const [name, ...rest] = key.split('+')
    if (name === origin && /^[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/.test(rest.join('+'))) return []
    const expected = 'what credctl log key printed for it'
    return [{ path, message: `not a public key of ${origin}`, expected }]
  })
}

/** Where nothing else says so, the name of the section does. */
function vaultProblems(
  environments: readonly Environment[],
  vault: VaultServer | undefined,
): Problem[] {
  if (vault !== undefined) return []
  return environments.flatMap(({ name, targets }) =>
    Object.entries(targets).flatMap(([target, { kind }]): Problem[] => {
      if (!kind.startsWith('vault_')) return []
      const message = `${kind} needs to know the Vault that mints for it`
      return [{ path: [name, 'targets', target, kind], message, expected: 'a section vault' }]
    }),
  )
}

function below(key: string): (problem: Problem) => Problem {
  return (problem) => ({ ...problem, path: [key, ...problem.path] })
}

function splitListen(text: string): Config['listen'] {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}
