import { z } from 'zod'
import type { Digest } from '../canonical.ts'
import { REASON_CODES } from '../decision/reason.ts'
import { type Actor, CALLER_CLASSES } from '../identity/caller.ts'

/* What entries are made of: the smallest shapes that more than one kind of entry has. */

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

export const ulid = z.string().regex(ULID)
export const digest = z.templateLiteral([
  'sha256:',
  z.string().regex(/^[0-9a-f]{64}$/),
]) satisfies z.ZodType<Digest>
/** RFC 3339 in UTC with milliseconds, exactly as `Date.toISOString` writes it. */
export const time = z
  .string()
  .regex(
    /^[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/,
  )
export const index = z.int().min(0)
export const count = z.int().min(0)

/** A control character in a name could forge lines where it is shown. */
export const name = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^\P{Cc}*$/u)
/** Written by a caller for people: any text, control characters included, escaped as JSON does. */
export const text = z.string().max(16_384)

export const common = { v: z.literal(1), time, request: ulid }
export const ofGrant = { ...common, grant: ulid, previous: index.exactOptional() }
export const ofCredential = { ...ofGrant, credential: ulid, target: name }

export const reason = z.strictObject({ code: z.enum(REASON_CODES), message: text })
export const reasons = z.array(reason).max(100)
export const committed = z.string().regex(/^(?:intent|(?:parameters|claims)\.\P{Cc}{1,256})$/u)
export const redaction = z.strictObject({ at: name, type: name })
export const environmentClass = z.enum(['prod', 'nonprod'])

export const claim = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])

export const actor: z.ZodType<Actor> = z.strictObject({
  iss: name.exactOptional(),
  sub: name,
  act: z.lazy(() => actor).exactOptional(),
})

export const caller = z.strictObject({
  class: z.enum(CALLER_CLASSES),
  issuer: name,
  subject: name,
  claims: z.record(z.string(), claim),
  actor: actor.exactOptional(),
  token: z.string().regex(/^sha256:[0-9a-f]{64}$/),
})
