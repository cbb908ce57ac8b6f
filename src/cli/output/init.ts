import { z } from 'zod'

export const initOutput = z
  .strictObject({
    /** Paths that were written. */
    files: z.array(z.string()),
  })
  .meta({ id: 'Init' })

export type InitOutput = z.infer<typeof initOutput>
