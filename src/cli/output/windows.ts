import { z } from 'zod'

const instant = z.iso.datetime()

/** `state.until`: open until then; `state.next`: closed until then. Absent: not within 400 days. */
const state = z.union([
  z.strictObject({ open: z.literal(true), until: instant.optional() }),
  z.strictObject({ open: z.literal(false), next: instant.optional() }),
])

const condition = z.strictObject({
  kind: z.enum(['window', 'freeze', 'unknown']),
  names: z.array(z.string()).meta({ description: 'One of these must be open.' }),
  of: z.enum(['environment', 'scope', 'operator']),
  state,
  reason: z.string().optional(),
})

export const windowsShowOutput = z.strictObject({
  at: instant,
  environments: z.array(
    z.strictObject({
      name: z.string(),
      scope: z.string().optional(),
      state,
      conditions: z.array(condition),
    }),
  ),
})
export type WindowsShowOutput = z.infer<typeof windowsShowOutput>
