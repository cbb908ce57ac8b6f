import { z } from 'zod'

const finding = z
  .strictObject({
    file: z.string(),
    line: z.int().positive(),
    column: z.int().positive(),
    /** What it is, such as `aws-secret-key` or `url-password`. */
    kind: z.string(),
    /** The same in words, with the account or database where the text beside it tells. */
    what: z.string(),
    /** Equal for equal secrets; what `--accept` takes. */
    fingerprint: z.string().regex(/^[0-9a-f]{12}$/),
    /** Scopes that give credentials of minutes for the same thing. */
    scopes: z.array(
      z.strictObject({ scope: z.string(), environment: z.string(), target: z.string() }),
    ),
    next: z.string(),
  })
  .meta({ id: 'WorkspaceFinding' })

export const workspaceOutput = z
  .strictObject({
    ok: z.boolean(),
    /** False when there was too little time, or there were too many files, to look at all. */
    complete: z.boolean(),
    files: z.int(),
    /** Too large, unreadable, and links to directories. */
    not_looked_at: z.array(z.string()),
    /** Finds that `--accept` named. */
    accepted: z.int(),
    findings: z.array(finding),
  })
  .meta({ id: 'DoctorWorkspace' })

export type WorkspaceFinding = z.infer<typeof finding>
export type WorkspaceOutput = z.infer<typeof workspaceOutput>
