import { z } from 'zod'
import { blastRadius, digest, parameters, plainText, plan, time, ulid } from '../contract.ts'
import { slug } from '../document/text.ts'
import { CALLER_CLASSES } from '../identity/caller.ts'

const verdict = z.enum(['approve', 'deny'])

/** A request for approval: the same numbers as in the plan, the log and the console. */
export const approval = z
  .object({
    id: ulid.meta({ description: 'Also the id of the grant that may come of it.' }),
    status: z.enum(['pending', 'approved', 'denied', 'redeemed', 'expired', 'void', 'cancelled']),
    binding_code: z.string().meta({ description: 'The requester sees the same letters.' }),
    scope: z.string(),
    scope_digest: digest,
    environment: z.string(),
    plan: digest,
    parameters,
    intent: z.string().meta({ description: 'The requester’s words, not ours.' }),
    caller: z.object({
      class: z.enum(CALLER_CLASSES),
      issuer: z.string(),
      subject: z.string(),
      actors: z.array(z.string()).optional(),
    }),
    blast_radius: blastRadius.optional(),
    break_glass: z.literal(true).optional().meta({ description: 'Claimed as an emergency.' }),
    rules: z.array(z.string()).meta({ description: 'Thresholds that ask for approval.' }),
    needs: z.array(z.object({ group: z.string(), count: z.int(), given: z.int() })),
    reason_required: z.boolean(),
    asked_at: time,
    expires_at: time,
    verdicts: z.array(
      z.object({
        verdict,
        issuer: z.string(),
        subject: z.string(),
        group: z.string(),
        reason: z.string().optional(),
        at: time,
        via: z.string(),
      }),
    ),
    hindrance: z
      .string()
      .optional()
      .meta({ description: 'Why this caller cannot decide it now; absent when it can.' }),
  })
  .meta({ id: 'Approval' })

export const approvalList = z
  .object({ approvals: z.array(approval), next: ulid.optional() })
  .meta({ id: 'ApprovalList' })

/** The plan itself is there while the catalogue still gives exactly what was asked for. */
export const approvalDetails = z
  .object({ ...approval.shape, contents: plan.optional() })
  .meta({ id: 'ApprovalDetails' })

export const approvalQuery = z.strictObject({
  status: z.enum(['pending', 'approved', 'open', 'all']).exactOptional(),
  mine: z.enum(['true']).exactOptional(),
  scope: slug.exactOptional(),
  environment: slug.exactOptional(),
  before: ulid.exactOptional(),
})

/** One person's word. The plan digest says what the person looked at. */
export const verdictRequest = z
  .strictObject({
    verdict,
    plan: digest,
    reason: plainText(2000).exactOptional(),
    group: slug.exactOptional(),
  })
  .meta({ id: 'VerdictRequest' })

export const batchVerdictRequest = z
  .strictObject({
    verdict,
    reason: plainText(2000).exactOptional(),
    requests: z
      .array(z.strictObject({ id: ulid, plan: digest, group: slug.exactOptional() }))
      .min(1)
      .max(100),
  })
  .meta({ id: 'BatchVerdictRequest' })

export const batchVerdictAnswer = z
  .object({
    results: z.array(
      z.object({
        id: ulid,
        status: approval.shape.status.optional(),
        code: z.string().optional().meta({ description: 'Why this one was not recorded.' }),
        detail: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'BatchVerdictAnswer' })

export type ApprovalRecord = z.infer<typeof approval>
export type ApprovalList = z.infer<typeof approvalList>
export type ApprovalDetails = z.infer<typeof approvalDetails>
export type BatchVerdictAnswer = z.infer<typeof batchVerdictAnswer>
