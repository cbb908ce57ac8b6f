import { z } from 'zod'
import type { Digest } from '../canonical.ts'
import { REASON_CODES } from '../decision/reason.ts'
import { type Actor, CALLER_CLASSES } from '../identity/caller.ts'
import { VERBS } from '../scope/access-postgres.ts'
import { APPROVAL_CHANNELS, type Entry } from './entry.ts'
import { compile, type JsonSchema } from './json-schema.ts'

/*
 * The shape of every entry, version 1: what the broker may append and what a verifier accepts.
 * `test/ledger/entry-schema.test.ts` holds it equal to the types of `entry.ts`.
 */

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

const ulid = z.string().regex(ULID)
const digest = z.templateLiteral([
  'sha256:',
  z.string().regex(/^[0-9a-f]{64}$/),
]) satisfies z.ZodType<Digest>
/** RFC 3339 in UTC with milliseconds, exactly as `Date.toISOString` writes it. */
const time = z
  .string()
  .regex(
    /^[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/,
  )
const index = z.int().min(0)
const count = z.int().min(0)

/** A control character in a name could forge lines where it is shown. */
const name = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^\P{Cc}*$/u)
/** Written by a caller for people: any text, control characters included, escaped as JSON does. */
const text = z.string().max(16_384)

const common = { v: z.literal(1), time, request: ulid }
const ofGrant = { ...common, grant: ulid, previous: index.exactOptional() }
const ofCredential = { ...ofGrant, credential: ulid, target: name }

const reason = z.strictObject({ code: z.enum(REASON_CODES), message: text })
const reasons = z.array(reason).max(100)
const committed = z.string().regex(/^(?:intent|(?:parameters|claims)\.\P{Cc}{1,256})$/u)
const redaction = z.strictObject({ at: name, type: name })
const environmentClass = z.enum(['prod', 'nonprod'])

const claim = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])

const actor: z.ZodType<Actor> = z.strictObject({
  iss: name.exactOptional(),
  sub: name,
  act: z.lazy(() => actor).exactOptional(),
})

const caller = z.strictObject({
  class: z.enum(CALLER_CLASSES),
  issuer: name,
  subject: name,
  claims: z.record(z.string(), claim),
  actor: actor.exactOptional(),
  token: z.string().regex(/^sha256:[0-9a-f]{64}$/),
})

const blastRadius = z.strictObject({
  environment: name,
  environmentClass,
  ttlSeconds: count,
  accounts: z.array(z.string()),
  databases: count,
  tables: count,
  tablesBy: z.record(z.enum(VERBS), count),
  resources: z.strictObject({ named: count, wildcard: count }),
  actionsBy: z.record(z.string(), count),
})

const handle = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('postgres'), login: name, group: name }),
  z.strictObject({ kind: z.literal('aws'), role: name, session: name }),
  z.strictObject({
    kind: z.literal('vault'),
    gives: z.enum(['postgres', 'mysql', 'aws']),
    role: name,
    accessor: name.exactOptional(),
    lease: name.exactOptional(),
  }),
])

const catalogueLoaded = z.strictObject({
  ...common,
  kind: z.literal('catalogue.loaded'),
  catalogue: digest,
  scopes: z.record(z.string(), digest),
})

const keysLoaded = z.strictObject({
  ...common,
  kind: z.literal('keys.loaded'),
  log: name,
  tokens: z.array(name).min(1).max(10),
  next: z.strictObject({ log: name, signature: name }).exactOptional(),
})

const approvalAsked = z.strictObject({
  rules: z.array(name).min(1).max(200),
  needs: z
    .array(z.strictObject({ group: name, count: z.int().min(1) }))
    .min(1)
    .max(200),
  expires: time,
  binding: digest,
  code: z.string().regex(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/),
  reason_required: z.boolean(),
  step_up: z
    .array(
      z.strictObject({
        max_age: count.exactOptional(),
        acr: z.array(name).exactOptional(),
      }),
    )
    .max(200),
})

const grantDecided = z.strictObject({
  ...ofGrant,
  kind: z.literal('grant.decided'),
  caller,
  scope: z.strictObject({ name, digest: digest.exactOptional() }),
  environment: z.strictObject({ name, class: environmentClass.exactOptional() }),
  intent: text,
  parameters: z.record(z.string(), z.string()),
  redacted: z.array(redaction).max(100).exactOptional(),
  committed: z.record(committed, digest).exactOptional(),
  plan: digest.exactOptional(),
  blast_radius: blastRadius.exactOptional(),
  decision: z.enum(['allow', 'deny', 'needs_approval']),
  reasons,
  expires: time.exactOptional(),
  approval: approvalAsked.exactOptional(),
})

const approvalGiven = z.strictObject({
  ...ofGrant,
  kind: z.literal('approval.given'),
  verdict: z.enum(['approve', 'deny']),
  by: caller,
  group: name,
  reason: text.exactOptional(),
  plan: digest,
  via: z.enum(APPROVAL_CHANNELS),
  assurance: z.strictObject({
    acr: name.exactOptional(),
    auth_time: z.number().exactOptional(),
  }),
  facts: z.record(z.string(), z.union([z.string(), z.number()])).exactOptional(),
  settles: z.enum(['approved', 'denied']).exactOptional(),
})

const approvalEnded = z.strictObject({
  ...ofGrant,
  kind: z.literal('approval.ended'),
  outcome: z.enum(['expired', 'void', 'cancelled']),
  reasons,
  by: caller.exactOptional(),
})

const credentialRequested = z.strictObject({
  ...ofCredential,
  kind: z.literal('credential.requested'),
  handle,
  plan: digest,
})

const credentialRefused = z.strictObject({
  ...ofGrant,
  kind: z.literal('credential.refused'),
  target: name,
  reasons,
})

const credentialMinted = z.strictObject({
  ...ofCredential,
  kind: z.literal('credential.minted'),
  fingerprint: name,
  expires: time,
  handle: handle.exactOptional(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
})

const credentialFailed = z.strictObject({
  ...ofCredential,
  kind: z.literal('credential.failed'),
  code: name,
})

const credentialRevoked = z.strictObject({
  ...ofCredential,
  kind: z.literal('credential.revoked'),
  outcome: z.enum(['gone', 'denied', 'expires']),
  expires: time.exactOptional(),
})

const credentialWrapped = z.strictObject({
  ...ofCredential,
  kind: z.literal('credential.wrapped'),
  accessor: name,
  expires: time,
})

const credentialWrappingAlarm = z.strictObject({
  ...ofCredential,
  kind: z.literal('credential.wrapping_alarm'),
  accessor: name,
  finding: z.enum(['taken', 'lapsed']),
})

const sessionEnded = z.strictObject({
  ...ofGrant,
  kind: z.literal('session.ended'),
  target: name,
  login: name,
  breach: name,
  detail: text,
})

const grantEnded = z.strictObject({
  ...ofGrant,
  kind: z.literal('grant.ended'),
  cause: z.enum(['caller', 'operator', 'expired', 'closed']),
  by: caller.exactOptional(),
})

/** Strict: an unknown key, kind or version is refused. */
export const entrySchema = z.discriminatedUnion('kind', [
  catalogueLoaded,
  keysLoaded,
  grantDecided,
  approvalGiven,
  approvalEnded,
  credentialRequested,
  credentialRefused,
  credentialMinted,
  credentialFailed,
  credentialRevoked,
  credentialWrapped,
  credentialWrappingAlarm,
  sessionEnded,
  grantEnded,
])

/** What `docs/log-entry.schema.json` publishes. */
export const entryJsonSchema = z.toJSONSchema(entrySchema) as JsonSchema

const hasShape = compile(entryJsonSchema)

/** What is wrong with a value as an entry, or undefined. Never quotes the value. */
export function entryProblem(value: unknown): string | undefined {
  if (isShaped(value)) return meaningProblem(value)
  const [issue] = entrySchema.safeParse(value).error?.issues ?? []
  return `${issue?.path.join('.') || 'entry'}: ${issue?.code ?? 'invalid'}`
}

function isShaped(value: unknown): value is Entry {
  return hasShape(value)
}

/** What the meaning of an entry is looked for in. */
export const MEANT = [
  'kind',
  'time',
  'previous',
  'scope',
  'plan',
  'decision',
  'expires',
  'approval',
] as const
type Meant = (typeof MEANT)[number]
type Meaning<E = Entry> = E extends Entry ? Pick<E, Extract<keyof E, Meant>> : never
type MeaningOf<Kind extends Entry['kind']> = Meaning<Extract<Entry, { readonly kind: Kind }>>

/** What the shape alone cannot say. */
export function meaningProblem(entry: Meaning): string | undefined {
  if (!isRealTime(entry.time)) return 'time: no such day'
  if ('expires' in entry && !isRealTime(entry.expires)) return 'expires: no such day'
  if (entry.kind === 'grant.decided') {
    const allowed = entry.decision === 'allow'
    if (allowed !== (entry.expires !== undefined)) return 'expires: present exactly when allowed'
    if (allowed && (entry.plan === undefined || entry.scope.digest === undefined)) {
      return 'plan: an allowed grant names its plan and scope digest'
    }
    return approvalProblem(entry)
  }
  if (entry.kind === 'catalogue.loaded' || entry.kind === 'keys.loaded') return undefined
  return entry.previous === undefined ? 'previous: only a decision begins a grant' : undefined
}

/** A decision begins its grant, except where people had to agree before it. */
function approvalProblem(entry: MeaningOf<'grant.decided'>): string | undefined {
  const { decision, approval, previous, plan, scope } = entry
  if ((decision === 'needs_approval') !== (approval !== undefined)) {
    return 'approval: present exactly when it is needed'
  }
  if (approval === undefined) return undefined
  if (previous !== undefined) return 'previous: a request for approval begins its grant'
  if (plan === undefined || scope.digest === undefined) {
    return 'plan: a request for approval names its plan and scope digest'
  }
  return isRealTime(approval.expires) ? undefined : 'approval.expires: no such day'
}

/** The pattern lets the 30th of February through. */
function isRealTime(text: string | undefined): boolean {
  if (text === undefined || text.slice(8, 10) <= '28') return true
  return new Date(text).toISOString() === text
}
