import { z } from 'zod'

export const postgresScriptOutput = z
  .strictObject({
    environment: z.string(),
    target: z.string(),
    database: z.string(),
    scripts: z.array(
      z.strictObject({
        /** Whose login runs it. */
        as: z.string(),
        statements: z.array(z.string()),
      }),
    ),
    /** Over all statements: what was reviewed is what `--digest` runs. */
    digest: z.string(),
    /** Whether this run executed them. */
    applied: z.boolean(),
  })
  .meta({ id: 'PostgresScript' })

export type PostgresScriptOutput = z.infer<typeof postgresScriptOutput>
