import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields, refuse } from '../document/fields.ts'

/** Kinds of personal data that can be taken out of intents before they are recorded. */
const PERSONAL_KINDS = ['email', 'phone'] as const
export type PersonalKind = (typeof PERSONAL_KINDS)[number]

const COMMITTABLE = /^(?:intent|(?:parameters|claims)\.\P{Cc}{1,256})$/u

/** A value of a request that can be committed to: what entries are found by cannot. */
const committable = z.string().superRefine((text, context) => {
  if (COMMITTABLE.test(text)) return
  refuse(context, 'this cannot be committed to', {
    expected: 'intent, parameters.NAME or claims.NAME',
  })
})

const DAY_MS = 86_400_000

const days = z
  .string()
  .regex(/^[1-9]\d{0,3}d$/, 'not a number of days such as 90d')
  .transform((text) => Number(text.slice(0, -1)) * DAY_MS)

/** What the log must not hold although callers send it: docs/privacy.md. */
export const privacySection = fields({
  redact: z.array(z.enum(PERSONAL_KINDS)).max(PERSONAL_KINDS.length).default([]),
  /** Recorded as salted commitments; the values are kept beside the log. */
  commit: z.array(committable).max(50).default([]),
  /** How long those values are kept, in milliseconds here; for ever without it. */
  retention: days.optional(),
})
export type Privacy = z.infer<typeof privacySection>

/** A retention of nothing would look like a promise that something is erased. */
export function privacyProblems({ commit, retention }: Privacy): Problem[] {
  if (retention === undefined || commit.length > 0) return []
  const message = 'nothing is kept beside the log, so nothing is erased after this time'
  return [{ path: ['retention'], message, expected: 'values under commit, or no retention' }]
}
