import { z } from 'zod'
import { firstUnseen, slug } from './document/text.ts'
import { CALLER_CLASSES } from './identity/caller.ts'
import { MAX_PARAMETERS } from './scope/holes.ts'

/** The shapes on the wire. Servers answer exactly these; clients may rely on nothing else. */

export const TASK_DETAILS_TYPE = 'credctl_task'

export const GRANT_TYPES = {
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  bearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  /** Asks again about a request that waits (draft-ietf-oauth-deferred-token-response). */
  deferred: 'urn:ietf:params:oauth:grant-type:deferred',
} as const

export const TOKEN_TYPES = {
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  id: 'urn:ietf:params:oauth:token-type:id_token',
  access: 'urn:ietf:params:oauth:token-type:access_token',
  /** A signed GetCallerIdentity request instead of a token: docs/identity.md. */
  awsRequest: 'urn:credctl:token-type:aws-request',
} as const

/** Text that ends up in the log and before people's eyes. */
export const plainText = (max: number) =>
  z
    .string()
    .max(max)
    .refine((text) => firstUnseen(text) === undefined, 'holds characters that cannot be seen')
const name = plainText(128).min(1)
export const time = z.iso.datetime().meta({ description: 'RFC 3339, UTC.' })
export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/)
export const ulid = z.string().regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
export const parameters = z
  .record(plainText(64), plainText(256))
  .refine((values) => Object.keys(values).length <= MAX_PARAMETERS, 'too many parameters')

/** What a caller asks for. */
export const task = z
  .strictObject({
    scope: name,
    environment: name,
    intent: plainText(2000).min(1).meta({ description: 'What the task is for, in words.' }),
    parameters: parameters.default({}),
    break_glass: z
      .literal(true)
      .exactOptional()
      .meta({ description: 'An emergency, asked by a person: see docs/approvals.md.' }),
  })
  .meta({ id: 'Task' })

/** A task, and the less trusted class to see it as: what `/token` takes as a parameter of its own. */
export const planRequest = z
  .strictObject({ ...task.shape, caller_class: z.enum(CALLER_CLASSES).exactOptional() })
  .meta({ id: 'PlanRequest' })

/** RFC 9396 form of the same, on `/token`. */
export const taskDetails = z
  .strictObject({ type: z.literal(TASK_DETAILS_TYPE), ...task.shape })
  .meta({ id: 'TaskDetails' })

export const reason = z.object({ code: z.string(), message: z.string() }).meta({ id: 'Reason' })

export const blastRadius = z
  .object({
    environment: z.string(),
    environmentClass: z.enum(['prod', 'nonprod']),
    ttlSeconds: z.int(),
    accounts: z.array(z.string()),
    databases: z.int(),
    tables: z.int(),
    tablesBy: z.record(z.string(), z.int()),
    resources: z.object({ named: z.int(), wildcard: z.int() }),
    actionsBy: z.record(z.string(), z.int()),
  })
  .meta({ id: 'BlastRadius' })

/** A plan in its targets' own languages: SQL statements, a session policy. */
export const plan = z
  .object({
    digest,
    scope: z.string(),
    environment: z.string(),
    environmentClass: z.enum(['prod', 'nonprod']),
    parameters,
    ttlSeconds: z.int(),
    targets: z.record(z.string(), z.looseObject({ kind: z.enum(['aws', 'mysql', 'postgres']) })),
    blastRadius,
  })
  .meta({ id: 'Plan' })

export const planAnswer = z
  .object({
    decision: z.enum(['allow', 'deny', 'needs_approval']),
    reasons: z.array(reason),
    needs: z
      .array(z.object({ group: z.string(), count: z.int().positive() }))
      .optional()
      .meta({ description: 'Whose approval comes first: members of each group.' }),
    plan: plan.optional(),
  })
  .meta({ id: 'PlanAnswer' })

const grantedTarget = z.object({
  kind: z.enum(['aws', 'mysql', 'postgres']),
  credential_endpoint: z.url(),
  region: z.string().optional().meta({ description: 'Of an AWS target: where its role is used.' }),
  guarantees: z.array(z.string()),
})

export const grantedDetails = z
  .object({
    ...taskDetails.shape,
    redacted: z
      .array(z.object({ at: z.string(), type: z.string() }))
      .optional()
      .meta({ description: 'What looked like a secret and was taken out: roll it over.' }),
    grant: ulid,
    plan: digest,
    expires_at: time,
    targets: z.record(z.string(), grantedTarget),
    blast_radius: blastRadius,
  })
  .meta({ id: 'GrantedDetails' })

export const tokenAnswer = z
  .object({
    access_token: z.string().meta({ description: 'The grant token (RFC 9068).' }),
    issued_token_type: z.literal(TOKEN_TYPES.access),
    token_type: z
      .enum(['Bearer', 'DPoP'])
      .meta({ description: 'DPoP when the request proved a key: the grant token is bound to it.' }),
    expires_in: z.int().positive(),
    authorization_details: z.array(grantedDetails),
  })
  .meta({ id: 'TokenAnswer' })

/** RFC 6749 §5.2; `code`, `grant` and `reasons` are ours. */
export const tokenError = z
  .object({
    error: z.string(),
    error_description: z.string().optional(),
    code: z.string(),
    request: z.string(),
    grant: ulid.optional(),
    reasons: z.array(reason).optional(),
    approval: z
      .object({
        id: ulid,
        binding_code: z.string(),
        needs: z.array(z.object({ group: z.string(), count: z.int().positive() })),
        expires_at: time,
      })
      .optional()
      .meta({ description: 'The request that people have to approve first.' }),
    error_uri: z.url().optional(),
    deferral_code: z.string().optional().meta({
      description: 'Of a client that offered completion_mode=deferred: what to poll with.',
    }),
    expires_in: z.int().optional(),
    interval: z.int().optional().meta({ description: 'Least number of seconds between polls.' }),
  })
  .meta({ id: 'TokenError' })

/** RFC 9457; `code` is stable, `request` names the entry and the log line. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.string(),
    hint: z.string().optional(),
    request: z.string(),
  })
  .meta({ id: 'Problem' })

export const grantStatus = z.enum(['live', 'ended', 'expired'])

export const grant = z
  .object({
    id: ulid,
    status: grantStatus,
    scope: z.string(),
    scope_digest: digest,
    environment: z.string(),
    plan: digest,
    parameters,
    intent: z.string(),
    caller: z.object({
      class: z.enum(CALLER_CLASSES),
      issuer: z.string(),
      subject: z.string(),
    }),
    issued_at: time,
    expires_at: time,
    ended: z.object({ at: time, cause: z.string() }).optional(),
  })
  .meta({ id: 'Grant' })

/** Filters of a listing of grants. */
export const grantQuery = z.strictObject({
  live: z.enum(['true', 'false']).exactOptional(),
  scope: slug.exactOptional(),
  environment: slug.exactOptional(),
  before: ulid.exactOptional(),
})

export const grantList = z
  .object({ grants: z.array(grant), next: ulid.optional() })
  .meta({ id: 'GrantList' })

export const credentialRecord = z.object({
  id: ulid,
  target: z.string(),
  status: z.enum(['requested', 'minted', 'failed', 'revoked']),
  requested_at: time,
  expires_at: time.optional(),
})

export const grantDetails = z
  .object({ ...grant.shape, credentials: z.array(credentialRecord) })
  .meta({ id: 'GrantDetails' })

/** What ending a grant did at each target. `pending` is retried until it is done. */
export const revocation = z.object({
  target: z.string(),
  outcome: z.enum(['gone', 'denied', 'expires', 'pending']),
  expires_at: time.optional(),
  code: z.string().optional(),
})

export const endAnswer = z
  .object({ id: ulid, revocations: z.array(revocation) })
  .meta({ id: 'EndAnswer' })

export const receiptList = z
  .object({
    id: ulid,
    receipts: z.array(
      z.object({
        index: z.int(),
        entry: z.string().meta({ description: 'The exact bytes that were hashed.' }),
        receipt: z.string().meta({ description: 'c2sp.org/tlog-proof@v1' }),
      }),
    ),
  })
  .meta({ id: 'ReceiptList' })

/** With the salt, whoever has the entry can check that it commits to the value: docs/privacy.md. */
export const openingList = z
  .object({
    id: ulid,
    openings: z.array(
      z.object({
        at: z.string().meta({ description: 'intent, parameters.NAME or claims.NAME.' }),
        commitment: digest,
        salt: z.base64(),
        value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
      }),
    ),
  })
  .meta({ id: 'OpeningList' })

export const eraseAnswer = z.object({ id: ulid, erased: z.int() }).meta({ id: 'EraseAnswer' })

export const scopeSummary = z
  .object({
    name: z.string(),
    digest,
    owner: z.string(),
    description: z.string(),
    environments: z.array(z.string()),
    ttl_seconds: z.int(),
    targets: z.record(z.string(), z.enum(['aws', 'mysql', 'postgres'])),
    parameters: z.record(z.string(), z.object({ pattern: z.string(), description: z.string() })),
  })
  .meta({ id: 'ScopeSummary' })

export const scopeList = z
  .object({ catalogue: digest, scopes: z.array(scopeSummary) })
  .meta({ id: 'ScopeList' })

export type Task = z.infer<typeof task>
export type PlanAnswer = z.infer<typeof planAnswer>
export type TokenAnswer = z.infer<typeof tokenAnswer>
export type TokenError = z.infer<typeof tokenError>
export type ProblemDocument = z.infer<typeof problem>
export type GrantRecord = z.infer<typeof grant>
export type GrantDetails = z.infer<typeof grantDetails>
export type OpeningList = z.infer<typeof openingList>
export type EraseAnswer = z.infer<typeof eraseAnswer>
export type EndAnswer = z.infer<typeof endAnswer>
export type ScopeList = z.infer<typeof scopeList>
export type ScopeSummary = z.infer<typeof scopeSummary>
