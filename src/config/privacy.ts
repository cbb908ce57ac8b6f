import { z } from 'zod'
import { fields } from '../document/fields.ts'

/** Kinds of personal data that can be taken out of intents before they are recorded. */
const PERSONAL_KINDS = ['email', 'phone'] as const
export type PersonalKind = (typeof PERSONAL_KINDS)[number]

/** What the log must not hold although callers send it: docs/log.md. */
export const privacySection = fields({
  redact: z.array(z.enum(PERSONAL_KINDS)).max(PERSONAL_KINDS.length).default([]),
})
export type Privacy = z.infer<typeof privacySection>
