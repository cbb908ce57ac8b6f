import { z } from 'zod'

export const loginOutput = z
  .strictObject({
    signed_in: z.boolean(),
    broker: z.string(),
    issuer: z.string().optional(),
    subject: z.string().optional(),
    expires_at: z.string().optional(),
    kept_in: z.enum(['keychain', 'file']).optional(),
  })
  .meta({ id: 'Login' })

export type LoginOutput = z.infer<typeof loginOutput>
