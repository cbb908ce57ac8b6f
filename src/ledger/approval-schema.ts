import { z } from 'zod'
import { APPROVAL_CHANNELS } from './entry.ts'
import {
  caller,
  committed,
  count,
  digest,
  name,
  ofGrant,
  reasons,
  text,
  time,
} from './entry-fields.ts'

export const approvalAsked = z.strictObject({
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

export const approvalGiven = z.strictObject({
  ...ofGrant,
  kind: z.literal('approval.given'),
  verdict: z.enum(['approve', 'deny']),
  by: caller,
  committed: z.record(committed, digest).exactOptional(),
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

export const approvalEnded = z.strictObject({
  ...ofGrant,
  kind: z.literal('approval.ended'),
  outcome: z.enum(['expired', 'void', 'cancelled']),
  reasons,
  by: caller.exactOptional(),
})
