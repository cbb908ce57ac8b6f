import { z } from 'zod'
import { ERROR_CODES } from '../../errors.ts'
import { CALLER_CLASSES } from '../../identity/caller.ts'

const callerClass = z.enum(CALLER_CLASSES)

/** Names of claims are in it, their values never. */
export const tokenInspectOutput = z
  .strictObject({
    accepted: z.boolean(),
    refusal: z
      .strictObject({
        code: z.enum(ERROR_CODES),
        message: z.string(),
        hint: z.string().optional(),
      })
      .optional(),
    issuer: z.strictObject({ name: z.string(), kind: z.string(), replay: z.string() }).optional(),
    header: z
      .strictObject({ alg: z.string(), typ: z.string().optional(), kid: z.boolean() })
      .optional(),
    lifetimeSeconds: z.number().optional(),
    expiresInSeconds: z.number().optional(),
    claims: z.array(z.string()),
    rules: z.array(
      z.strictObject({
        rule: z.int(),
        class: callerClass,
        matches: z.boolean(),
        unmet: z.array(z.string()),
      }),
    ),
    breach: z.string().optional(),
    agentSign: z.string().optional(),
    class: callerClass.optional(),
    roles: z.array(z.string()).optional(),
  })
  .meta({ id: 'TokenInspection' })
