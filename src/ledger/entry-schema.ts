import { z } from 'zod'
import { VERBS } from '../scope/access-postgres.ts'
import { approvalAsked, approvalEnded, approvalGiven } from './approval-schema.ts'
import type { Entry } from './entry.ts'
import {
  caller,
  committed,
  common,
  count,
  digest,
  environmentClass,
  name,
  ofCredential,
  ofGrant,
  reasons,
  redaction,
  text,
  time,
} from './entry-fields.ts'
import { compile, type JsonSchema } from './json-schema.ts'

/*
 * The shape of every entry, version 1: what the broker may append and what a verifier accepts.
 * `test/ledger/entry-schema.test.ts` holds it equal to the types of `entry.ts`.
 */

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

const grantDecided = z.strictObject({
  ...ofGrant,
  kind: z.literal('grant.decided'),
  caller,
  scope: z.strictObject({ name, digest: digest.exactOptional() }),
  environment: z.strictObject({ name, class: environmentClass.exactOptional() }),
  intent: text,
  parameters: z.record(z.string(), z.string()),
  break_glass: z.boolean().exactOptional(),
  redacted: z.array(redaction).max(100).exactOptional(),
  committed: z.record(committed, digest).exactOptional(),
  plan: digest.exactOptional(),
  blast_radius: blastRadius.exactOptional(),
  decision: z.enum(['allow', 'deny', 'needs_approval']),
  reasons,
  expires: time.exactOptional(),
  approval: approvalAsked.exactOptional(),
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

const openingsErased = z.strictObject({
  ...common,
  kind: z.literal('openings.erased'),
  of: z.string().regex(/^(?:all|[0-7][0-9A-HJKMNP-TV-Z]{25})$/),
  before: time,
  erased: count,
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
  openingsErased,
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
  if (isOfNoGrant(entry)) return undefined
  return entry.previous === undefined ? 'previous: only a decision begins a grant' : undefined
}

/** A decision begins its grant, except where people had to agree before it. */
function isOfNoGrant(
  entry: Meaning,
): entry is MeaningOf<'catalogue.loaded' | 'keys.loaded' | 'openings.erased'> {
  return ['catalogue.loaded', 'keys.loaded', 'openings.erased'].includes(entry.kind)
}

function approvalProblem(entry: MeaningOf<'grant.decided'>): string | undefined {
  const { decision, approval, previous, plan, scope } = entry
  if ((decision === 'needs_approval') !== (approval !== undefined)) {
    return 'approval: present exactly when it is needed'
  }
  if (previous !== undefined && decision === 'deny') return 'previous: a refusal begins its grant'
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
