import { z } from 'zod'
import { reason } from '../../contract.ts'

export const diagnostic = z
  .object({
    file: z.string(),
    line: z.int().positive(),
    column: z.int().positive(),
    message: z.string(),
    expected: z.string().exactOptional(),
  })
  .meta({ id: 'Diagnostic' })

/** What every command prints with `--output json` instead of its answer when it failed. */
export const failureOutput = z
  .strictObject({
    error: z.strictObject({
      code: z.string(),
      message: z.string(),
      hint: z.string().optional(),
      problems: z.array(diagnostic).optional(),
      reasons: z.array(reason).optional(),
      request: z.string().optional(),
      grant: z.string().optional(),
    }),
  })
  .meta({ id: 'Failure' })

export type FailureOutput = z.infer<typeof failureOutput>
