import { z } from 'zod'

/** A task that another process holds: handles and facts, never a secret. */
export const taskStartOutput = z
  .strictObject({
    grant: z.string().meta({ description: 'Names the task: credctl exec --grant GRANT -- CMD' }),
    scope: z.string(),
    environment: z.string(),
    expires_at: z.iso.datetime(),
    targets: z.array(z.strictObject({ name: z.string(), kind: z.string() })),
    blast_radius: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'StartedTask' })

export const taskEndOutput = z
  .strictObject({
    grant: z.string(),
    revocations: z.array(z.strictObject({ target: z.string(), outcome: z.string() })),
  })
  .meta({ id: 'EndedTask' })

export type TaskStartOutput = z.infer<typeof taskStartOutput>
export type TaskEndOutput = z.infer<typeof taskEndOutput>
