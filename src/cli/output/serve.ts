import { z } from 'zod'

/** One line when the broker takes requests. */
export const serveOutput = z
  .strictObject({ url: z.string(), host: z.string(), port: z.int().positive() })
  .meta({ id: 'Serve' })

export const migrateOutput = z
  .strictObject({
    /** `embedded`: credctl's own PostgreSQL, which every start migrates. */
    ledger: z.enum(['external', 'embedded']),
    /** Steps taken by this run. */
    steps: z.int().min(0),
  })
  .meta({ id: 'Migrate' })

export type ServeOutput = z.infer<typeof serveOutput>
export type MigrateOutput = z.infer<typeof migrateOutput>
