import { z } from 'zod'

export const checkResult = z
  .strictObject({
    /** What was looked at: `config`, `scopes`, `secrets`, `ledger`, `issuers`, `targets`. */
    check: z.string(),
    subject: z.string(),
    status: z.enum(['ok', 'warning', 'failed']),
    message: z.string(),
    /** What to do about it: a sentence or a statement. */
    remedy: z.string().optional(),
  })
  .meta({ id: 'CheckResult' })

export const doctorOutput = z
  .strictObject({ ok: z.boolean(), results: z.array(checkResult) })
  .meta({ id: 'Doctor' })

export type CheckResult = z.infer<typeof checkResult>
export type DoctorOutput = z.infer<typeof doctorOutput>
